"""The API does what its description says, whatever it is asked: schemathesis, all its checks."""

import os
import subprocess
import sys

import httpx
import pytest

from tests.fakes.changeable_lab import changeable, queued

# What there is, so that questions come further than to a 404. That something can be done is more
# than a schema can say: what is valid may still be refused, and so also with 409, 422, 503.
CONFIG = """
seed = 7
[parameters]
"path.delivery" = 2
"path.message" = 1
"path.number" = 2
[[operations]]
include-path-regex = "/instances/"
parameters = { "path.name" = "promo1" }
[[operations]]
include-path-regex = "/affinities/"
parameters = { "path.name" = "promo", "query.address" = "ann@gmail.test" }
[[operations]]
include-path-regex = "/reports/"
parameters = { "path.name" = "smtp-errors" }
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "503"]
"""
EXAMPLES = 1  # of each operation, in each phase
ENDLESS = "/api/v1/changes"
PLAYS = "play_api_v1_scenarios_runs_post"  # a process each time: test_api_scenarios asks it


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A lab that may be changed, with deliveries in it."""
    with changeable(tmp_path_factory.mktemp("own")) as found:
        queued(found)
        queued(found, hold=True, waves="50%:1h")
        yield found


def test_what_is_answered_is_what_is_described(own, tmp_path):
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    words = [
        *("run", own.address + "/openapi.json", "--no-color", "--exclude-path", ENDLESS),
        *("--exclude-operation-id", PLAYS),
        *("--phases", "examples,coverage,fuzzing", "--mode", "all"),
        *("--max-examples", str(EXAMPLES), "--generation-database", "none"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert own.client.get("/livez").status_code == 200


def test_every_operation_tells_how_it_refuses(own):
    paths = httpx.get(own.address + "/openapi.json").json()["paths"]
    assert len(paths) > 40
    for path, operations in paths.items():
        for method, operation in operations.items():
            problem = operation["responses"]["422"]["content"]
            assert list(problem) == ["application/problem+json"], (method, path)


def test_all_methods_of_a_path_are_named(own):
    answer = own.client.request("DELETE", "/api/v1/deliveries")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
