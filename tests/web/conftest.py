"""A lab that was kept, its page on a real port, and a browser."""

import os
import shutil
from pathlib import Path

import pytest

from lab.configuration import load
from tests.fakes.inbox_lab import inbox_lab
from tests.fakes.web_server import kept_lab, serving

SEEN = Path(__file__).with_name("seen.toml")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def seen(tmp_path_factory):
    """A lab kept from a simulation (tests/web/seen.toml): deliveries 1 over, 2 stuck, 3 put off."""
    return kept_lab(SEEN.read_text(encoding="utf-8"), tmp_path_factory.mktemp("seen"))


@pytest.fixture(scope="session")
def served(seen):
    """Its page; ``client`` asks it. Tests change nothing in it: it was kept."""
    with serving(seen) as found:
        yield found


@pytest.fixture
def changeable(seen, tmp_path):
    """A copy of it that does not know that it was kept: it may be changed. Nothing runs in it."""
    folder = tmp_path / "changeable"
    shutil.copytree(seen.path.parent, folder, ignore=shutil.ignore_patterns("simulated.json"))
    return load(folder / seen.path.name, {}, {"web.listen": "127.0.0.1:8025"})


@pytest.fixture(scope="module")
def chromium():
    """A browser. While it is there its thread has a running event loop: no longer than a module."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Chromium: .ci/programs installs it")
        pytest.skip("needs Chromium: `apt install chromium`")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium):
    """An empty tab of a browser that has seen nothing before; errors of scripts fail the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert wrong == [], "a script failed, or the browser refused something"


@pytest.fixture(scope="module")
def inboxes(tmp_path_factory):
    """A lab with sinks that run (tests/fakes/inbox_lab.py): one for all tests of a file."""
    with inbox_lab(tmp_path_factory.mktemp("inboxes")) as found:
        yield found


@pytest.fixture
def inbox(inboxes):
    """The same with nothing in its inbox, and sinks that accept."""
    inboxes.ask("/messages", "DELETE")
    inboxes.ask("/chaos", "PUT", json={})
    return inboxes
