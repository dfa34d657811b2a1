"""What `mtalab why` says is held against what then happens, in the simulation.

A healthy run is never given a cause, and a message that is said to wait until T goes at T.
"""

import tomllib
from collections import Counter

from lab.scenario.simulated import simulated_lab
from lab.simulation.simulation import EPOCH
from lab.submit.submission import Order, submit
from mail.cause import Cause, Progress
from mail.states import MessageEvent
from monitor.why.diagnosis import causes, diagnose
from store import lanes, log

TICK_S = 1.0  # a retry that is due is cut, lent, claimed and sent within this
UP_S = 5.0  # by then everything runs
LAB = """
[mta.m1]
affinities = ["promo"]
workers = 2

[affinity.promo]
ip = [{ address = "127.0.1.1", weight = 2 }, { address = "127.0.1.2" }]

[affinity.single]
ip = [{ address = "127.0.1.3" }]

[mta.m2]
affinities = ["single"]

[route.open]
domains = ["open.test"]
sink = "open"

[route.grey]
domains = ["grey.test"]
sink = "grey"

[sink.open]
listen = "127.0.0.1:2601"

[sink.grey]
listen = "127.0.0.1:2602"
personality = "brief"

[personality.brief.greylist]
delay = "40s"

[retry]
delays = ["45s", "2m"]
"""
RATED = '\n[[mx_rule]]\nmask = "open.test"\nmessages_per_hour = 180\n'


def sent(lab, folder, count, *domains, affinity="promo", wait_s=0.0):
    """Submit a delivery."""
    message, people = folder / "mail.eml", folder / "people.csv"
    message.write_text("From: a@shop.test\nSubject: Hello\n\nHello.\n")
    rows = "".join(f"u{number}@{each}\n" for each in domains for number in range(count))
    people.write_text(f"address\n{rows}")
    now = lab.clock.now()
    order = Order(
        message=message,
        recipients=people,
        affinity=affinity,
        label="mail",
        contact_at=now + wait_s,
        validity_s=86_400.0,
    )
    found = submit(lab.store, lab.loaded, lab.clock, order, lambda *_: None)
    lab.wrote()
    return found.delivery_id


def asked(lab):
    return diagnose(lab.store, lab.loaded.configuration, lab.clock.now(), seen=lab.host_facts())


def played(steps, text=LAB):
    topology = tomllib.loads(text)
    with simulated_lab(topology, seed="1", epoch=EPOCH, tick_s=0.0) as (simulation, lab):
        return simulation.run(steps(lab))


def test_a_healthy_run_is_given_no_cause(tmp_path):
    seen = Counter()

    async def steps(lab):
        await lab.up()
        await lab.until(UP_S)
        for number in range(2):
            sent(lab, tmp_path, 150, "open.test")
            for step in range(25):
                await lab.until(UP_S + number + (step + 1) / 25)
                seen.update(causes(asked(lab)))
        await lab.until(UP_S + 10)
        assert asked(lab).messages == 0

    played(steps)
    assert set(seen) <= {str(each) for each in Progress}, seen
    assert seen, "it was looked at while mail was pending"


def test_who_is_said_to_wait_until_a_time_goes_at_that_time(tmp_path):
    claims = []  # (now, delivery, MX group, cause, time)

    def note(lab):
        claims.extend(
            (lab.clock.now(), each.delivery_id, each.mx_group, each.cause, each.earliest_at)
            for each in asked(lab).findings
            if each.cause is not None and each.earliest_at is not None
        )

    async def steps(lab):
        await lab.up()
        await lab.until(UP_S)
        sent(lab, tmp_path, 4, "open.test", affinity="single")
        sent(lab, tmp_path, 3, "grey.test")
        sent(lab, tmp_path, 2, "grey.test", affinity="single", wait_s=60.0)
        shut = [f"127.0.1.{each}>open" for each in (1, 2)]
        now = lab.clock.now()
        lab.store.write_now(lanes.suspend, shut, now + 45.0, "", "ann", now)
        sent(lab, tmp_path, 2, "open.test")
        lab.wrote()
        for at in (7, 20, 33, 47, 80, 91, 97, 110, 140):
            await lab.until(at)
            note(lab)
        await lab.until(240)
        return list(lab.store.read_now(log.transitions, log.Filter(), limit=1000)), {
            each.id: each.mx_group
            for each in lab.store.read_now(log.messages, log.Filter(), limit=1000)
        }

    changes, group_of = played(steps, LAB + RATED)
    attempts = [
        (each.delivery_id, group_of[each.message_id], each.at)
        for each in changes
        if each.event in (MessageEvent.ACCEPTED, MessageEvent.DEFERRED)
    ]
    assert {cause for _, _, _, cause, _ in claims} == {
        Cause.CONTACT_DATE_AHEAD,
        Cause.RATE_LIMITED,
        Cause.GREYLISTED,
        Cause.LANE_SUSPENDED,
    }
    for now, delivery, group, cause, earliest_at in claims:
        after = [at for number, to, at in attempts if (number, to) == (delivery, group)]
        first = min((at for at in after if at > now), default=None)
        told = f"{cause} at {now - EPOCH:.1f} s: {earliest_at - EPOCH:.1f} s"
        assert first is not None, told
        assert earliest_at - TICK_S <= first <= earliest_at + TICK_S, f"{told}, at {first - EPOCH}"
