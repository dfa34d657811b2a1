"""Following the file: no change is missed, whenever it comes."""

import asyncio
import contextlib

import pytest

from lab import watch
from lab.configuration import load
from tests.fakes.log import NotingLog
from world.clock import SystemClock

RULE = '[[rule]]\nname = "mine"\ntext = "x"\nfailure = "soft"\nreason = "refused"\n'
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


def test_bounce_rules_beside_the_file_are_followed_too(file, tmp_path):
    loaded = load(file, {})
    rules = tmp_path / "bounce_rules.toml"
    texts, log = [], NotingLog()

    async def follow():
        async for each in watch.changes(loaded, lambda: load(file, {}), log, SystemClock()):
            texts.append(each.own_rules)  # noqa: PERF401 - it ends only by being cancelled

    async def edit():
        task = asyncio.ensure_future(follow())
        for text in (RULE, RULE.replace("soft", "gentle"), RULE.replace("soft", "hard"), None):
            await asyncio.sleep(0.05)
            if text is None:
                rules.unlink()
            else:
                rules.write_text(text)
        await asyncio.sleep(0.1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(edit())
    assert texts == [RULE, RULE.replace("soft", "hard"), ""]
    assert any("bounce_rules.toml" in str(each) for each in log.notes)
