"""`mtalab top`: one frame for pipes and programs; its screen, driven by keys."""

import asyncio
from contextlib import closing

import pytest
from textual.widgets import DataTable, Static

from lab.top.app import Told, Top
from store.errors import StoreUnavailable
from store.schema import open_store
from tests.fakes.changeable_lab import changeable, queued
from world.clock import SystemClock


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A lab with two deliveries, in which nothing runs."""
    with changeable(tmp_path_factory.mktemp("own")) as found:
        queued(found)
        queued(found, hold=True)
        yield found


@pytest.fixture
def top(own):
    with closing(open_store(own.lab.loaded.store_url)) as store:
        yield Top(store, own.lab.loaded, SystemClock())


async def until(pilot, condition):
    """Wait for what a thread of it brings about."""
    for _ in range(600):
        await pilot.pause(0.02)
        if condition():
            return
    raise AssertionError("it did not come about")


def rows(app, name):
    return list(app.query_one(f"#{name}", DataTable).rows)


def drive(app, *steps, size=(120, 40)):
    """Run it, and each step when it shows something."""

    async def run():
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: rows(app, "deliveries"))
            for step in steps:
                await step(pilot)

    asyncio.run(run())


def test_one_frame_is_text_and_json(mtalab, own):
    config = str(own.lab.loaded.path)
    done = mtalab("top", "--once", "--config", config)
    assert done.code == 0
    assert "Why it is pending" in done.out
    found = mtalab("top", "--json", "--config", config).json
    assert [each["delivery"] for each in found["deliveries"]] == [2, 1]
    assert found["pending"] == sum(each["messages"] for each in found["causes"]) > 0


def test_without_a_terminal_it_says_what_else_to_use(mtalab, own):
    done = mtalab("top", "--config", str(own.lab.loaded.path))
    assert done.code == 2
    assert "--once" in done.err


def test_it_shows_what_there_is_and_why_it_waits(top):
    async def look(pilot):
        assert len(rows(top, "deliveries")) == 2
        assert rows(top, "causes")
        assert rows(top, "lanes")

    async def ask(pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(top.screen, Told))
        said = str(top.screen.query_one(Static).render())
        assert "delivery" in said
        await pilot.press("escape")
        assert not isinstance(top.screen, Told)

    drive(top, look, ask)


def test_tables_are_sorted_and_lines_opened_by_key(top):
    async def sort(pilot):
        table = top.query_one("#deliveries", DataTable)
        await pilot.press("s", "s")
        assert table.border_title == "Deliveries, by label"
        for _ in range(len(table.columns) - 1):
            await pilot.press("s")
        assert table.border_title == "Deliveries"

    async def open_cause(pilot):
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(top.screen, Told))
        await pilot.press("escape", "question_mark")
        await until(pilot, lambda: isinstance(top.screen, Told))

    drive(top, sort, open_cause, size=(80, 24))


def test_it_goes_on_when_the_store_is_back(top, monkeypatch):
    read, is_away = top._store.read_now, [False]

    def asked(*args, **kwargs):
        if is_away[0]:
            raise StoreUnavailable("it is locked")
        return read(*args, **kwargs)

    monkeypatch.setattr(top._store, "read_now", asked)

    def head():
        return str(top.query_one("#head", Static).render())

    async def away(pilot):
        is_away[0] = True
        await until(pilot, lambda: "it is locked" in head())
        assert rows(top, "deliveries"), "what was seen stays"
        is_away[0] = False
        await until(pilot, lambda: "attempts a second" in head())

    async def paused(pilot):
        await pilot.press("p")
        await until(pilot, lambda: "paused" in head())

    drive(top, away, paused)
