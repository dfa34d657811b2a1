"""Following the file: no change is missed, whenever it comes."""

import asyncio
import contextlib

import pytest

from lab import watch
from lab.configuration import load
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


async def followed(file, loaded, edits):
    """The lab's names as they are followed while each edit is made, and the complaints."""
    names, log = [], NotingLog()
    take = names.append  # one by one: it ends only by being cancelled

    async def follow():
        async for each in watch.changes(loaded, lambda: load(file, {}), log, SystemClock()):
            take(each.configuration.lab.name)

    task = asyncio.ensure_future(follow())
    for edit in edits:
        await asyncio.sleep(0.05)
        edit()
    await asyncio.sleep(0.1)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return names, log.notes


def test_a_change_between_reading_and_following_is_followed(file):
    loaded = load(file, {})
    file.write_text(TEXT.replace("one", "two"))
    assert asyncio.run(followed(file, loaded, [])) == (["two"], [])


def test_a_file_that_says_the_same_is_no_change(file):
    loaded = load(file, {})
    assert asyncio.run(followed(file, loaded, [lambda: file.write_text(TEXT), file.touch])) == (
        [],
        [],
    )


def test_what_is_not_valid_is_complained_of_and_what_is_mended_is_followed(file):
    loaded = load(file, {})
    names, [complaint] = asyncio.run(
        followed(
            file,
            loaded,
            [
                lambda: file.write_text("[lab\n"),
                lambda: file.write_text(TEXT.replace("one", "two")),
                file.unlink,
                lambda: file.write_text(TEXT.replace("one", "six")),
            ],
        )
    )
    assert names == ["two", "six"]
    assert "is not used" in complaint
