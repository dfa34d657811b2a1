"""Commands through their own entry point, in an empty folder."""

import sys
from dataclasses import dataclass

import orjson
import pytest

from lab.cli.main import run


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return orjson.loads(self.out)


@pytest.fixture
def mtalab(tmp_path, monkeypatch, capsysbinary):
    """``mtalab("submit", …)`` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("MTALAB_CONFIG", "MTALAB_LAB__STORE"):
        monkeypatch.delenv(name, raising=False)

    def call(*words) -> Done:
        monkeypatch.setattr(sys, "argv", ["mtalab", *map(str, words)])
        code = 0
        try:
            run()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        captured = capsysbinary.readouterr()
        return Done(code, captured.out.decode(), captured.err.decode())

    return call


@pytest.fixture
def lab(mtalab):
    """The same in a folder with the files of ``mtalab init``."""
    assert mtalab("init").code == 0
    return mtalab
