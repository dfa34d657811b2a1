"""A real lab whose route has several hosts, and one whose secrets cannot be read."""

import pytest

from mail.reason import Reason
from mail.states import MessageStatus
from tests.fakes.odd_server import odd_server
from tests.fakes.running_lab import CONFIGURATION, RunningLab, free_ports
from tests.fakes.shared_lab import shared_lab

ROUTE_B = '[route.b]\ndomains = ["b.test"]\nsink = "b"\n'
AUTH = 'auth = { user = "joe", password_file = "secret" }\n'
HOSTS = """
[route.several]
domains = ["several.test"]
hosts = [
    {{ host = "127.0.0.1:{closed}", preference = 5 }},
    {{ host = "127.0.0.1:{refusing}" }},
    {{ sink = "a", preference = 20 }},
]
[route.none]
domains = ["none.test"]
hosts = [{{ host = "127.0.0.1:{closed}" }}, {{ host = "127.0.0.1:{other}" }}]
"""


@pytest.fixture(scope="module")
def dead_ports():
    return free_ports(2)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, dead_ports):
    closed, other = dead_ports
    text = CONFIGURATION.replace("300ms", "60s").replace("workers = 2", "workers = 1")
    with odd_server(b"554 5.3.2 no service here\r\n") as refusing:
        text += HOSTS.format(closed=closed, other=other, refusing=refusing)
        with shared_lab(tmp_path_factory, text) as shared:
            yield shared


@pytest.fixture
def lab(shared, request):
    with shared.of_test(request) as lab:
        yield lab


def test_mail_reaches_the_host_that_is_up_and_waits_where_none_is(lab, dead_ports):
    arriving, waiting = lab.submit(60, "several.test"), lab.submit(5, "none.test")
    lab.wait(lambda: lab.sent(arriving) == 60, "all are sent")
    assert lab.reconciled().lost.count == 0
    assert {each.attempts for each in lab.messages(arriving)} == {1}, "none was lost on the others"
    lab.wait(lambda: {each.attempts for each in lab.messages(waiting)} == {1}, "all are tried")
    shown = lab.messages(waiting)
    assert {(each.status, each.reason) for each in shown} == {
        (MessageStatus.PENDING, Reason.UNREACHABLE)
    }
    for port in dead_ports:
        assert all(str(port) in each.reply for each in shown)


def test_a_password_that_cannot_be_read_is_refused_at_start(tmp_path):
    lab = RunningLab(tmp_path, text=CONFIGURATION.replace(ROUTE_B, ROUTE_B + AUTH))
    try:
        refused = lab.run("up")
        assert refused.returncode == 2
        assert b"password_file secret cannot be read" in refused.stderr
        checked = lab.json("config", "check")
        assert not checked["ok"]
        assert "route.b" in {each["key"] for each in checked["findings"]}
    finally:
        lab.close()


def test_and_is_complained_about_and_not_used_later(lab):
    text = lab.text
    lab.write(text.replace(ROUTE_B, ROUTE_B + AUTH))
    lab.wait(lambda: "password_file secret cannot" in lab.said(), "it is complained about")
    delivery = lab.submit(20, "b.test")
    lab.wait(lambda: lab.sent(delivery) == 20, "the old configuration stays in use")
    lab.write(text)
