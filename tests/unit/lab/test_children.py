"""Child processes: started again whatever ended them, and stopped even while they start."""

import asyncio
import contextlib
import sys

from lab.children import Child, Leaving
from tests.fakes.log import NotingLog
from world.clock import SystemClock


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is looked at tells nobody
            await asyncio.sleep(0.01)


def starting(program, output=None):
    """Starts a program of Python, its words in a file."""

    async def start():
        with output.open("ab") if output else contextlib.nullcontext() as said:
            return await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=said)

    return start


SLEEPS = "import time; time.sleep(60)"


def test_one_that_is_stopped_while_it_starts_does_not_run_on():
    said = NotingLog()

    async def run():
        child = Child("child", starting(SLEEPS), SystemClock(), log=said)
        running = asyncio.create_task(child.run())
        await asyncio.sleep(0)
        assert child.pid is None, "it is being started"
        await child.stop(30)
        assert running.done()

    asyncio.run(run())
    assert said.notes == []


def test_one_that_refuses_its_configuration_is_tried_again(tmp_path):
    mended = tmp_path / "mended"
    program = f"import pathlib, sys; sys.exit(0 if pathlib.Path({str(mended)!r}).exists() else 2)"
    said, codes = NotingLog(), []

    async def run():
        async def ended(_pid, code):
            codes.append(code)
            if code == 2:
                mended.touch()
            elif len(codes) > 1:
                stop.set()

        stop = asyncio.Event()
        child = Child("child", starting(program), SystemClock(), log=said, ended=ended)
        running = asyncio.create_task(child.run())
        await stop.wait()
        await child.stop(30)
        await running

    asyncio.run(run())
    assert codes[:2] == [2, 0]
    assert "cannot run as configured (exit code 2); starting it again" in said.notes[0]


def test_one_that_cannot_be_started_is_tried_again_until_it_can(tmp_path):
    folder, said = tmp_path / "lab", NotingLog()

    async def run():
        child = Child("child", starting(SLEEPS, folder / "words"), SystemClock(), log=said)
        running = asyncio.create_task(child.run())
        await until(lambda: said.notes)
        assert not running.done(), "a folder that is not there ends nobody"
        folder.mkdir()
        await until(lambda: child.pid is not None)
        await child.stop(30)
        await running

    asyncio.run(run())
    assert "cannot be started" in said.notes[0]


def test_one_that_ends_by_itself_just_before_it_is_stopped_is_no_news():
    said = NotingLog()

    async def run():
        ended = asyncio.Event()

        async def end(_pid, _code):
            ended.set()

        child = Child("child", starting(""), SystemClock(), log=said, ended=end)
        running = asyncio.create_task(child.run())
        await ended.wait()
        await child.stop(30)
        await running

    asyncio.run(run())
    assert said.notes == []


LEAVES_AT_THE_SECOND = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL))
print("ready", flush=True)
time.sleep(1)
"""


def test_one_that_is_leaving_is_waited_for_and_not_asked_twice(tmp_path):
    said, codes = NotingLog(), []

    async def run():
        async def ended(_pid, code):
            codes.append(code)

        words = tmp_path / "words"
        start = starting(LEAVES_AT_THE_SECOND, words)
        child = Child("child", start, SystemClock(), log=said, ended=ended)
        running, leaving = asyncio.create_task(child.run()), Leaving(30)
        await until(lambda: words.exists() and words.read_text())
        seen_off = asyncio.create_task(leaving.see_off(child))
        await asyncio.sleep(0.1)
        assert leaving.still == {child}
        await child.stop(30)  # as an owner does that ends meanwhile
        await running
        await seen_off
        assert not leaving.still

    asyncio.run(run())
    assert (codes, said.notes) == ([0], [])
