"""One running lab for the tests of a module: its start costs more than most of what is tested."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.fakes.running_lab import RunningLab


class SharedLab:
    """Started for the first test that asks; a test that fails leaves a new one to the next."""

    def __init__(self, folders: pytest.TempPathFactory, text: str) -> None:
        self._folders, self._text = folders, text
        self._lab: RunningLab | None = None

    @contextlib.contextmanager
    def of_test(self, request: pytest.FixtureRequest) -> Iterator[RunningLab]:
        """The lab, up, with the configuration that it began with; tests put back what they change.

        What earlier tests sent is still in it: count what is added.
        """
        failed = request.session.testsfailed
        if self._lab is None:
            self._lab = RunningLab(self._folders.mktemp("shared"), text=self._text)
            self._lab.up()
        else:
            self._lab.wait_until_up()
        text = self._lab.text
        yield self._lab
        if request.session.testsfailed > failed:
            self._close()
        else:
            assert self._lab.text == text, "the next test needs the configuration as it was"

    def end(self) -> None:
        """After all that was done to it, it stops in order and leaves no process."""
        if self._lab is None:
            return
        try:
            assert self._lab.down() == 0
            assert self._lab.processes() == []
        finally:
            self._close()

    def _close(self) -> None:
        if self._lab is not None:
            self._lab.close()
            self._lab = None


@contextlib.contextmanager
def shared_lab(folders: pytest.TempPathFactory, text: str) -> Iterator[SharedLab]:
    """For a fixture of a module."""
    shared = SharedLab(folders, text)
    yield shared
    shared.end()
