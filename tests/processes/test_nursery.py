"""Processes from a nursery: what they are told, how their ends are heard, whose end is whose."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from lab.nursery import asking

pytestmark = pytest.mark.skipif(not asking.IS_POSSIBLE, reason="needs fork and pidfd_open (Linux)")


def run(work, within_s=60.0):
    async def whole():
        asker = await asking.new_asker()
        try:
            return await asyncio.wait_for(work(asker), within_s)
        finally:
            await asker.close()

    return asyncio.run(whole())


def nursery_of(pid):
    return psutil.Process(pid).parent()


def gone(pid):
    return not psutil.pid_exists(pid)


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_children_are_commands_with_words_environment_and_exit_code_of_their_own(tmp_path):
    said = tmp_path / "said"

    async def work(asker):
        environ = {**os.environ, "MTALAB_CONFIG": str(tmp_path / "none.toml")}
        wrong = await asker.start(["config", "check"], environ, said)
        version = await asker.start(["--version"], {**os.environ}, said)
        codes = await wrong.wait(), await version.wait()
        assert (wrong.returncode, version.returncode) == codes
        return codes

    assert run(work) == (2, 0)
    words = said.read_text()
    assert "none.toml" in words
    assert "mtalab 0." in words


def test_a_child_looks_like_its_command_line_and_dies_by_a_signal(tmp_path):
    (tmp_path / "mtalab.toml").write_text('[sink.a]\nlisten = "127.0.0.1:0"\n')

    async def work(asker):
        arguments = ["scheduler", "--config", str(tmp_path / "mtalab.toml")]
        title = " ".join(["mtalab", *arguments])
        child = await asker.start(arguments, {**os.environ}, tmp_path / "said")
        wait_until(lambda: " ".join(psutil.Process(child.pid).cmdline()).startswith(title))
        child.send_signal(signal.SIGKILL)
        return await child.wait()

    assert run(work) == -signal.SIGKILL


def test_who_dies_takes_its_nursery_along_and_the_children_see_it(tmp_path):
    """Kill -9 of the asker: nobody tells anybody anything."""
    (tmp_path / "mtalab.toml").write_text('[sink.a]\nlisten = "127.0.0.1:0"\n')
    script = """
import asyncio, os, sys
from pathlib import Path
from lab.nursery import asking
async def main():
    asker = await asking.new_asker()
    arguments = ["scheduler", "--config", sys.argv[1]]
    child = await asker.start(arguments, {**os.environ}, Path(sys.argv[2]))
    print(child.pid, flush=True)
    await child.wait()
asyncio.run(main())
"""
    words = [sys.executable, "-c", script, str(tmp_path / "mtalab.toml"), str(tmp_path / "said")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as asker:
        assert asker.stdout is not None
        pid = int(asker.stdout.readline())
        nursery = nursery_of(pid)
        asker.kill()
    wait_until(lambda: gone(pid) and not nursery.is_running())


def test_a_nursery_that_dies_alone_is_told_and_so_are_the_ends_of_its_children(tmp_path):
    (tmp_path / "mtalab.toml").write_text('[sink.a]\nlisten = "127.0.0.1:0"\n')

    async def work(asker):
        arguments = ["scheduler", "--config", str(tmp_path / "mtalab.toml")]
        child = await asker.start(arguments, {**os.environ}, tmp_path / "said")
        nursery_of(child.pid).kill()
        code = await child.wait()
        assert asker.is_gone
        assert gone(child.pid)
        with pytest.raises(OSError, match=r"Bad file descriptor|gone"):
            await asker.start(["--version"], {**os.environ}, None)
        return code

    assert run(work) == -signal.SIGKILL


def test_what_cannot_be_opened_ends_the_child_alone(tmp_path):
    async def work(asker):
        lost = await asker.start(["--version"], {**os.environ}, tmp_path / "no" / "said")
        good = await asker.start(["--version"], {**os.environ}, tmp_path / "said")
        return await lost.wait(), await good.wait()

    assert run(work) == (1, 0)
