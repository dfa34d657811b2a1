"""Child processes: started again whatever ended them, and stopped even while they start."""

import asyncio
import sys

from lab.children import Child
from tests.fakes.log import NotingLog
from world.clock import SystemClock

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_one_that_is_stopped_while_it_starts_does_not_run_on():
    said = NotingLog()

    async def run():
        child = Child("child", SLEEPS, SystemClock(), log=said)
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
        argv = [sys.executable, "-c", program]
        child = Child("child", argv, SystemClock(), log=said, ended=ended)
        running = asyncio.create_task(child.run())
        await stop.wait()
        await child.stop(30)
        await running

    asyncio.run(run())
    assert codes[:2] == [2, 0]
    assert "cannot run as configured (exit code 2); starting it again" in said.notes[0]
