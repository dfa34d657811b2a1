"""The same storm and seed: the same log, byte for byte, wherever it is played."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lab.simulation.storms.brew import storm_of_seed
from lab.simulation.storms.play import play, playing
from lab.simulation.storms.storm import Mail, Storm
from tests.simulation.soak import folder

# Not those with a process killed after so many callbacks: see ``KillAtStep``.
SEEDS = (3, 4, 8, 12, 27)
ROOT = Path(__file__).parents[2]
LONGEST_PAUSE_S = 0.5  # between two looks
STEADY = Storm(
    lab={
        "scheduler": {"lease": 3},
        "retry": {"delays": [2, 4]},
        "mta": {"m1": {"affinities": ["a"], "workers": 2, "heartbeat": 0.5}},
        "affinity": {"a": {"ip": [{"address": "127.0.1.1"}, {"address": "127.0.1.2"}]}},
        "route": {
            "one": {"domains": ["one.test"], "sink": "s1"},
            "two": {"domains": ["two.test"], "sink": "s2"},
        },
        "sink": {
            "s1": {"listen": "127.0.2.1:2525", "personality": "twice", "inbox": False},
            "s2": {"listen": "127.0.2.2:2525", "personality": "accept", "inbox": False},
        },
        "personality": {"twice": {"defer": {"times": 2, "share": 0.5}}},
    },
    mail=(Mail(1.0, {"one.test": 12, "two.test": 6}), Mail(5.0, {"one.test": 8}, contact_in_s=3.0)),
)
OTHERS = [f"python3.{minor}" for minor in (11, 12, 13, 14)]


def digests():
    found = []
    for seed in SEEDS:
        with folder() as place:
            found.append(play(storm_of_seed(seed), seed, place).digest)
    return found


def digests_of(python, hash_seed, **environment):
    done = subprocess.run(
        [python, "-c", "from tests.simulation.test_same_run import digests; print(*digests())"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_another_process_with_other_hashes_makes_the_same_log():
    assert digests_of(sys.executable, "12345") == digests()


def test_another_seed_makes_another_log():
    with folder() as one, folder() as other:
        storm = storm_of_seed(SEEDS[0])
        assert play(storm, 1, one).digest != play(storm, 2, other).digest


def _with_our_libraries(name):
    """Another Python that has what we need, from MTALAB_PYTHONS or on the path; None: none."""
    found = os.environ.get(f"MTALAB_{name.upper().replace('.', '_')}") or shutil.which(name)
    if found is None:
        return None
    asked = subprocess.run(
        [found, "-c", "import sqlmodel, aiosmtpd, hypothesis"], capture_output=True, check=False
    )
    return found if asked.returncode == 0 else None


def test_every_python_there_is_makes_the_same_log():
    """This one in another process, and other versions of it where they have what we need."""
    others = [found for name in OTHERS if (found := _with_our_libraries(name)) is not None]
    for python in (sys.executable, *others):
        assert digests_of(python, "0") == digests(), python


def test_looks_that_are_left_out_change_nothing():
    """Made or left out: each message has the same fate, at a time that differs by one look."""
    left_out, every = events(lambda sim: None), events(make_every_look)
    assert left_out.keys() == every.keys()
    assert len(every) > 30
    for key, at in every.items():
        assert abs(left_out[key] - at) <= LONGEST_PAUSE_S, key


def make_every_look(sim):
    sim.loop.dozing.next_due = lambda now: now


def events(prepare):
    """(message, attempt, event, status) → time, of a lab with retries in which nothing fails."""
    with folder() as place, playing(STEADY, 1, place) as (sim, play):
        prepare(sim)

        async def experiment():
            sim.start()
            for mail in STEADY.mail:
                await sim.until(mail.at)
                play.submit(mail)
            await sim.until(20)

        sim.run(experiment())
        changes = play.watch.scene.observer.changes(0)
    return {
        (each.message_id, each.attempt, each.event, each.to_status): each.at for each in changes
    }
