"""A PostgreSQL server that is stopped under a running lab and started again."""

import contextlib

import pytest

from tests.fakes.postgresql import own_server
from tests.fakes.running_lab import running_lab

pytestmark = pytest.mark.postgresql
MANY = 1200


@contextlib.contextmanager
def lab_on_own_server(folder):
    with own_server() as server, running_lab(folder, store_url=server.url) as lab:
        yield server, lab


def half_way(lab, delivery):
    lab.wait(lambda: lab.sent(delivery) > MANY // 10, "some are sent")
    assert lab.counts(delivery)["pending"] > 0, "it was over before the server could be stopped"


def test_a_server_goes_and_comes_back_under_a_running_lab_and_under_one_that_stops(tmp_path):
    with lab_on_own_server(tmp_path) as (server, lab):
        delivery = lab.submit(MANY)
        half_way(lab, delivery)
        before = {each.pid for each in lab.processes()}
        server.stop()
        told = lab.call("status")
        server.start()
        lab.wait(lambda: lab.sent(delivery) == MANY, "all are sent")
        assert {each.pid for each in lab.processes()} == before
        assert lab.reconciled().is_ok(), "nothing is doubled"
        assert told.returncode == 1
        assert b"cannot be used" in told.stderr
        assert b"Traceback" not in told.stderr

        second = lab.submit(MANY)
        half_way(lab, second)
        server.stop()
        assert lab.down() == 0
        assert lab.processes() == []
        assert "killed" not in lab.said(), "the workers leave by themselves"
        refused = lab.run("up")
        assert refused.returncode == 1
        assert b"cannot be used" in refused.stderr
        assert b"Traceback" not in refused.stderr
        assert "Traceback" not in lab.said()
        server.start()
        lab.up()
        lab.wait(lambda: lab.sent(second) == MANY, "all are sent")
        assert lab.reconciled().is_ok(), "what the store was not told was in the journals"
        assert lab.down() == 0
