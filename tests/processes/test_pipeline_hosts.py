"""A real lab whose route has several hosts, and one whose secrets cannot be read."""

import re

import orjson

from tests.fakes.odd_server import odd_server
from tests.fakes.running_lab import CONFIGURATION, RunningLab, free_ports, running_lab

ROUTE_A = '[route.a]\ndomains = ["a.test"]\nsink = "a"\n'


def logged(lab, delivery):
    lines = lab.run("log", "--delivery", str(delivery), "--json").stdout.splitlines()
    return [orjson.loads(each) for each in lines]


def test_mail_reaches_the_host_that_is_up_and_waits_where_none_is(tmp_path):
    with odd_server(b"554 5.3.2 no service here\r\n") as refusing:
        closed, other = free_ports(2)
        to_a = (
            f'{{ host = "127.0.0.1:{closed}", preference = 5 }}, '
            f'{{ host = "127.0.0.1:{refusing}" }}, {{ sink = "a", preference = 20 }}'
        )
        to_b = f'{{ host = "127.0.0.1:{closed}" }}, {{ host = "127.0.0.1:{other}" }}'
        text = CONFIGURATION.replace('sink = "a"', f"hosts = [{to_a}]")
        text = text.replace('sink = "b"', f"hosts = [{to_b}]").replace("300ms", "60s")
        with running_lab(tmp_path, text=text) as lab:
            arriving, waiting = lab.submit(60), lab.submit(5, domain="b.test")
            lab.wait(lambda: lab.sent(arriving) == 60, "all are sent")
            assert lab.reconciled().lost.count == 0
            shown = logged(lab, arriving)
            assert {each["attempts"] for each in shown} == {1}, "none was lost on the others"
            lab.wait(
                lambda: {each["attempts"] for each in logged(lab, waiting)} == {1}, "all are tried"
            )
            shown = logged(lab, waiting)
            assert {(each["status"], each["reason"]) for each in shown} == {
                ("pending", "unreachable")
            }
            assert all(str(closed) in each["reply"] for each in shown)
            assert all(str(other) in each["reply"] for each in shown)


def test_a_password_that_cannot_be_read_is_refused_at_start_and_not_used_later(tmp_path):
    auth = 'auth = { user = "joe", password_file = "secret" }\n'
    bad = CONFIGURATION.replace(ROUTE_A, ROUTE_A + auth)
    lab = RunningLab(tmp_path, text=bad)
    try:
        refused = lab.run("up")
        assert refused.returncode == 2
        assert b"password_file secret cannot be read" in refused.stderr
        checked = lab.json("config", "check")
        assert not checked["ok"]
        assert "route.a" in {each["key"] for each in checked["findings"]}
        lab.write(re.sub(r"auth = .*\n", "", lab.text))
        lab.up()
        lab.write(lab.text.replace(ROUTE_A, ROUTE_A + auth))
        log = tmp_path / "up.log"
        lab.wait(lambda: "password_file secret cannot" in log.read_text(), "it is complained about")
        delivery = lab.submit(20)
        lab.wait(lambda: lab.sent(delivery) == 20, "the old configuration stays in use")
        assert lab.down() == 0
    finally:
        lab.close()
