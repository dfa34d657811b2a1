"""The examples of docs/api.md, as they stand there, with curl."""

import re
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest

from tests.fakes.changeable_lab import changeable

DOC = Path(__file__).parents[2] / "docs" / "api.md"
CURL = re.compile(r"^    curl (?:.*\n)(?:      .*\n)*", re.MULTILINE)
ENDLESS = ("events", "changes")  # they are asked by their own tests


def examples():
    text = DOC.read_text(encoding="utf-8")
    text = text[text.index("## Reading") : text.index("## Events")]
    return [each[0] for each in CURL.finditer(text)]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    with changeable(tmp_path_factory.mktemp("own")) as found:
        yield found


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_examples_do_what_is_said(own):
    folder = own.lab.loaded.path.parent
    (folder / "note.eml").write_bytes(b"From: a@shop.example\nSubject: Note\n\nHello\n")
    submits = [each for each in examples() if "/deliveries " in each or "to=ann" in each]
    assert len(submits) == 4
    others = [each for each in examples() if each not in submits]
    assert len(others) == 7
    for each in [*submits, *others]:
        words = each.strip().replace("http://127.0.0.1:8025", own.address)
        done = subprocess.run(
            ["sh", "-c", words.replace("curl ", "curl -sS --fail-with-body ", 1)],
            cwd=folder,
            capture_output=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, (each, done.stdout, done.stderr)
        assert orjson.loads(done.stdout), each
