"""The npm package mailpit-api, as it is published, finds what it expects.

npm fetches it into ``build/mailpit-api`` once, from whatever registry npm is set to; its hash is
held against the one written here. Without npm, Node or the package the test is skipped, and fails
in CI.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.fakes.programs import missing, program

CALLS = Path(__file__).with_name("mailpit_client") / "calls.mjs"
FOLDER = Path(__file__).parents[2] / "build" / "mailpit-api"
PACKAGE = "mailpit-api@2.1.0"
SHA512 = "ZZG5ShQS2E5QH9p1xeD2U2sfahKEEgRvtzIlJXsLUtLSUbYjmxPeuvciwayj0oxA+hn85xzIEt1v8FsXtwqKCA=="
FETCH_S, RUN_S = 60, 60


@pytest.fixture(scope="module")
def client():
    """The folder that has the package in its ``node_modules``."""
    npm = program("npm")
    FOLDER.mkdir(parents=True, exist_ok=True)
    archive = FOLDER / "mailpit-api-2.1.0.tgz"
    if not archive.exists():
        command = [npm, "pack", "--silent", "--pack-destination", str(FOLDER), PACKAGE]
        try:
            ran = subprocess.run(
                command, capture_output=True, text=True, timeout=FETCH_S, cwd=FOLDER, check=False
            )
        except subprocess.TimeoutExpired:
            missing(f"npm has not fetched {PACKAGE} within {FETCH_S} s")
        if ran.returncode:
            missing(f"npm cannot fetch {PACKAGE}: {ran.stderr[-500:]}")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert digest == SHA512, f"{archive} is not the package that was published"
    place = FOLDER / "node_modules" / "mailpit-api"
    shutil.rmtree(place, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(FOLDER / "node_modules", filter="data")
    (FOLDER / "node_modules" / "package").rename(place)
    assert json.loads((place / "package.json").read_text())["version"] == "2.1.0"
    return FOLDER


def test_a_published_client_of_mailpit_works_unchanged(client, inbox):
    command = [program("node"), str(CALLS), str(client), inbox.address]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(set(ran.stdout.split())) == 21
