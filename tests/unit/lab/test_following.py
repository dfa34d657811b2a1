"""Accounts: which configuration a process goes by, for `mtalab config apply`."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys

import orjson
import pytest

from lab import watch
from lab.applying import apply
from lab.configuration import load
from lab.following import Following, accounts, digest_of
from lab.machine import ThisMachine
from mail.errors import UserError
from tests.fakes.log import NotingLog
from world.clock import SystemClock

TEXT = '[lab]\nname = "one"\n'


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(watch, "_LOOK_EVERY_S", 0.01)


@pytest.fixture
def file(tmp_path):
    found = tmp_path / "mtalab.toml"
    found.write_text(TEXT)
    return found


def process_of(file, name="scheduler"):
    return Following(load(file, {}), name, lambda: load(file, {}), NotingLog(), ThisMachine())


@pytest.mark.parametrize(
    "text", [b'{"name": "up", "pid": 1, "color": "red", "restart": []}', b'{"pid": 1}', b"[", b"3"]
)
def test_the_account_of_another_version_is_no_account(file, text):
    folder = load(file, {}).directory / "processes"
    folder.mkdir(parents=True)
    (folder / "1.json").write_bytes(text)
    assert accounts(folder.parent) == []
    assert list(folder.iterdir()) == []


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - files are looked at
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def following(process, take=lambda _: None):
    async def follow():
        async for each in process.changes():
            take(each)

    task = asyncio.ensure_future(follow())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def the_account(file):
    found = accounts(load(file, {}).directory)
    return found[0] if found else None


def test_a_process_accounts_for_what_it_follows_and_what_it_refuses(file):
    async def run():
        async with following(process_of(file)):
            await until(lambda: the_account(file) is not None)
            first = digest_of(load(file, {}))
            assert (the_account(file).digest, the_account(file).name) == (first, "scheduler")
            file.write_text(TEXT + 'domain = "x.test"\n')
            await until(lambda: the_account(file).digest == digest_of(load(file, {})))
            assert the_account(file).restart == ()
            folder = load(file, {}).directory
            file.write_text("[lab\n")
            await until(lambda: accounts(folder)[0].complaint)
            assert "mtalab.toml:1" in accounts(folder)[0].complaint
            file.write_text(TEXT)
            await until(lambda: not accounts(folder)[0].complaint)
            assert accounts(folder)[0].digest == first
        assert accounts(folder) == []

    asyncio.run(run())


def test_what_is_settled_at_the_start_needs_a_restart(file):
    async def run():
        async with following(process_of(file, "submission")):
            await until(lambda: the_account(file) is not None)
            more = 'store = "sqlite:///other.db"\n[submission]\nlisten = "127.0.0.1:2527"\n'
            file.write_text(TEXT + more)
            await until(lambda: the_account(file).restart)
            assert the_account(file).restart == ("lab.store", "submission")
            file.write_text(TEXT)
            await until(lambda: not the_account(file).restart)

    asyncio.run(run())


def test_what_a_process_cannot_use_after_all_is_in_its_account(file):
    async def run():
        process = process_of(file)

        def take(_):
            process.refuse(UserError("the key is no key"))

        async with following(process, take):
            await until(lambda: the_account(file) is not None)
            file.write_text(TEXT + 'domain = "x.test"\n')
            await until(lambda: the_account(file).complaint == "the key is no key")
            assert the_account(file).digest != digest_of(load(file, {}))

    asyncio.run(run())


def test_sighup_reads_the_file_again_though_it_says_the_same(file):
    taken = []

    async def run():
        process = process_of(file)
        with process.on_hangup():
            async with following(process, taken.append):
                await until(lambda: the_account(file) is not None)
                before = the_account(file)
                assert before.hangup
                os.kill(os.getpid(), signal.SIGHUP)
                await until(lambda: the_account(file).at > before.at)

    asyncio.run(run())
    assert [each.text for each in taken] == [TEXT]


def test_the_account_of_a_dead_process_is_no_account(file):
    folder = load(file, {}).directory / "processes"
    folder.mkdir(parents=True)
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    account = {"name": "x", "digest": "", "at": SystemClock().now(), "complaint": ""}
    one = folder / f"{gone.pid}.json"
    one.write_bytes(orjson.dumps({**account, "pid": gone.pid, "restart": [], "hangup": True}))
    # A process of that number that is younger than the account is another one.
    old = folder / f"{os.getpid()}.json"
    mine = {**account, "at": 1.0, "pid": os.getpid(), "restart": [], "hangup": True}
    old.write_bytes(orjson.dumps(mine))
    (folder / "cut.json").write_bytes(b'{"na')
    assert accounts(load(file, {}).directory) == []
    assert list(folder.iterdir()) == []


def test_applying_tells_who_follows_and_who_does_not(file):
    async def run():
        async with following(process_of(file)):
            await until(lambda: the_account(file) is not None)
            file.write_text(TEXT + 'domain = "x.test"\n')
            [found] = await apply(load(file, {}), SystemClock(), 30.0)
            assert (found.name, found.state) == ("scheduler", "follows")
            file.write_text(TEXT + 'store = "sqlite:///other.db"\n')
            [found] = await apply(load(file, {}), SystemClock(), 30.0)
            assert (found.state, found.detail) == ("needs a restart", "lab.store")
        assert await apply(load(file, {}), SystemClock(), 30.0) == []

    asyncio.run(run())


def test_one_that_says_nothing_does_not_answer(file):
    loaded = load(file, {})
    process = process_of(file)
    process.rename("scheduler")
    file.write_text(TEXT + 'domain = "x.test"\n')
    [found] = asyncio.run(apply(load(file, {}), SystemClock(), 0.0))
    assert (found.state, found.detail) == ("does not answer", "")
    assert accounts(loaded.directory)[0].digest == digest_of(loaded)
