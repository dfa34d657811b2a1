"""A whole simulated lab with sinks that write back: every mail arrives, and does its work."""

import asyncio
from collections import Counter

import aiosmtplib
import pytest

from lab.inmail.session import InmailSession
from lab.simulation.storms.play import playing
from lab.simulation.storms.storm import Mail, Storm
from mail.message_id import return_path
from sinks.outgoing import read_ended
from store import inbound_log, keys, log

BACK = "127.0.3.1:2526"
FORMATS = ["dsn", "exim", "qmail"]


def storm(personality, *, messages=12):
    lab = {
        "scheduler": {"lease": 3},
        "inmail": {"listen": BACK},
        "mta": {"m1": {"affinities": ["a"], "workers": 1, "heartbeat": 0.5}},
        "affinity": {"a": {"ip": [{"address": "127.0.1.1"}]}},
        "route": {"one": {"domains": ["one.test"], "sink": "s1"}},
        "sink": {"s1": {"listen": "127.0.2.1:2525", "personality": "late", "inbox": False}},
        "personality": {"late": personality},
    }
    return Storm(lab=lab, mail=(Mail(1.0, {"one.test": messages}),))


class Ran:
    """A storm that was played: what came in, what became of the messages."""

    def __init__(self, sim, play):
        self.inbound = sim.store.read_now(inbound_log.find, inbound_log.Wanted(), 1000)
        self.messages = sim.store.read_now(log.messages, log.Filter(), limit=1000)
        self.account = sim.reconciliation()
        self.ended = list(read_ended(sim.machines.loaded.directory))
        self.digest = sim.digest()

    @property
    def effects(self):
        return Counter((str(each.kind), str(each.effect)) for each in self.inbound)

    @property
    def statuses(self):
        return Counter(str(each.status) for each in self.messages)


def ran(personality, amid=None, until=60.0, messages=12, seed=1):
    made = storm(personality, messages=messages)
    with playing(made, seed) as (sim, play):

        async def day():
            sim.start()
            await sim.until(1.0)
            play.submit(made.mail[0])
            if amid is not None:
                await amid(sim)
            await sim.until(until)

        sim.run(day())
        play.watch.finish()
        return Ran(sim, play)


def test_what_bounces_later_fails_and_is_accounted_for():
    late = {"bounce_later": {"delay": {"time": 0, "jitter": 8}, "formats": FORMATS}}
    found = ran(late)
    assert found.effects == {("failed", "failed"): 12}
    assert found.statuses == {"failed": 12}
    assert all(each.is_delivered for each in found.ended)
    account = found.account
    assert account.is_ok()
    assert (account.bounced, account.returned, account.kept) == (12, 12, 12)
    assert ran(late).digest == found.digest


def test_a_share_bounces_and_the_rest_is_sent():
    found = ran({"bounce_later": {"share": 0.5, "delay": 1}}, messages=40)
    assert 10 <= found.statuses["failed"] <= 30
    assert found.statuses["sent"] == 40 - found.statuses["failed"]


def test_replies_and_complaints_and_what_nobody_reads():
    found = ran({"auto_reply": {}, "complain": {"delay": 2}})
    assert found.effects == {("auto_reply", "none"): 12, ("complaint", "failed"): 12}
    found = ran({"bounce_later": {"delay": 1, "formats": ["prose"]}})
    assert found.effects == {("unknown", "none"): 12}
    assert found.statuses == {"sent": 12}
    assert all(each.qualification == "to_qualify" for each in found.inbound)


def test_complaints_go_to_the_feedback_address_too():
    found = ran({"complain": {"delay": 1, "to": "feedback@mtalab.test"}})
    assert found.effects == {("complaint", "failed"): 12}
    assert {each.matched_by for each in found.inbound} == {"message_id"}
    assert {each.recipient for each in found.inbound} == {"feedback@mtalab.test"}


@pytest.mark.parametrize("who", ["inmail", "sink"])
def test_whoever_is_killed_meanwhile_nothing_is_lost(who):
    async def amid(sim):
        await sim.until(3.0)
        for each in sim.machines.living(who):
            sim.machines.kill(each)

    found = ran({"bounce_later": {"delay": {"time": 1, "jitter": 4}}}, amid)
    assert found.effects == {("failed", "failed"): 12}
    assert found.account.is_ok()


def test_while_nobody_takes_bounces_they_wait():
    async def amid(sim):
        place = sim.wire.faults.place(BACK)
        place.is_refusing = True
        await sim.until(30.0)
        assert not sim.store.read_now(inbound_log.find, inbound_log.Wanted(), 10)
        place.is_refusing = False

    found = ran({"bounce_later": {"delay": 1}}, amid, until=100.0)
    assert found.effects == {("failed", "failed"): 12}


def test_what_nobody_ever_takes_is_given_up():
    async def amid(sim):
        sim.wire.faults.place(BACK).is_refusing = True

    found = ran({"bounce_later": {"delay": 1}}, amid, until=6 * 86400.0, messages=2)
    assert [each.is_delivered for each in found.ended] == [False, False]
    assert found.inbound == []


def client():
    host, _, port = BACK.partition(":")
    return aiosmtplib.SMTP(
        hostname=host, port=int(port), local_hostname="test", use_tls=False, start_tls=False
    )


def spoken(dialogue):
    """What somebody hears at the port for bounces of a lab that sent two messages."""
    heard = []

    async def amid(sim):
        await sim.until(5.0)
        smtp = client()
        await smtp.connect(source_address=("127.0.0.9", 0))
        heard.extend(await dialogue(sim, smtp))
        await smtp.quit()

    return heard, ran({}, amid, messages=2, until=10.0)


async def code(what):
    try:
        answer = await what
    except aiosmtplib.SMTPResponseException as error:
        return error.code
    return answer.code


def test_it_takes_mail_for_its_return_paths_and_for_nobody_else():
    async def dialogue(_sim, smtp):
        await smtp.mail("")
        heard = []
        for address in (
            "bounce+1-1@mtalab.test",
            "BOUNCE+1-1-abcdefghijklmnop@MTALAB.test",
            "feedback@mtalab.test",
            "postmaster@mtalab.test",
            "anna@mtalab.test",
            "bounce+1-1@one.test",
            "anna@one.test",
        ):
            heard.append(await code(smtp.rcpt(address)))  # noqa: PERF401
        await smtp.rset()
        return heard

    heard, _ = spoken(dialogue)
    assert heard == [250, 250, 250, 250, 550, 550, 550]


def test_a_mail_for_several_return_paths_is_kept_for_each_once():
    async def dialogue(_sim, smtp):
        for _ in range(2):
            await smtp.mail("")
            for number in (1, 2, 1):
                await smtp.rcpt(f"bounce+1-{number}@mtalab.test")
            await smtp.data(b"Subject: Hm\r\n\r\nwhat is this?\r\n")
        return ()

    _, found = spoken(dialogue)
    assert [each.recipient[:10] for each in found.inbound] == ["bounce+1-2", "bounce+1-1"]


def test_what_is_too_large_is_refused():
    async def dialogue(_sim, smtp):
        await smtp.mail("")
        await smtp.rcpt("feedback@mtalab.test")
        return [await code(smtp.data(b"x" * 70 + b"\r\n" + b"y\r\n" * 4_000_000))]

    heard, found = spoken(dialogue)
    assert heard == [552]
    assert found.inbound == []


FORGED = (
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\n"
    b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
    b"Final-Recipient: rfc822; %b\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--x\r\n"
    b"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <1.1@mtalab.test>\r\n\r\n--x--\r\n"
)


def test_a_forged_bounce_is_kept_and_fails_nothing():
    async def dialogue(_sim, smtp):
        for address in (
            "bounce+1-1@mtalab.test",
            "bounce+1-1-abcdefghijklmnop@mtalab.test",
        ):
            await smtp.mail("")
            await smtp.rcpt(address)
            await smtp.data(FORGED % b"victim@one.test")
        return ()

    _, found = spoken(dialogue)
    assert found.statuses == {"sent": 2}
    assert {str(each.matched_by) for each in found.inbound} == {"nothing"}


def test_the_seal_of_the_labs_key_is_believed():
    async def dialogue(sim, smtp):
        sealing = sim.store.read_now(keys.keys)
        await smtp.mail("")
        await smtp.rcpt(return_path("mtalab.test", 1, 2, sealing).upper())
        await smtp.data(FORGED % b"forwarded@elsewhere.test")
        return ()

    _, found = spoken(dialogue)
    assert found.statuses == {"sent": 1, "failed": 1}
    [kept] = found.inbound
    assert (kept.matched_by, kept.message_id) == ("return_path", 2)


def test_a_peer_that_leaves_in_the_midst_is_no_trouble():
    async def dialogue(_sim, smtp):
        other = client()
        await other.connect(source_address=("127.0.0.9", 0))
        await other.mail("")
        await other.rcpt("feedback@mtalab.test")
        other.close()
        await asyncio.sleep(0.1)
        return [await code(smtp.noop())]

    heard, _ = spoken(dialogue)
    assert heard == [250]


def test_what_is_put_off_is_tried_again_and_what_is_refused_is_over(monkeypatch):
    real, asked = InmailSession._refusal, Counter()

    def refusal(self, address):
        asked[address] += 1
        number = int(address.split("-")[1])
        if number % 3 == 0:
            return b"550 5.7.1 Never"
        if number % 3 == 1 and asked[address] == 1:
            return b"450 4.2.1 Not now"
        return real(self, address)

    monkeypatch.setattr(InmailSession, "_refusal", refusal)
    found = ran({"bounce_later": {"delay": 1}})
    assert found.effects == {("failed", "failed"): 8}
    assert Counter(each.is_delivered for each in found.ended) == {True: 8, False: 4}
    assert sorted(asked.values()) == [1] * 8 + [2] * 4
    assert found.account.is_ok()
