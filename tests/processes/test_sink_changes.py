"""A sink of a running lab that becomes another under way, and certificates that a sender checks."""

from sinks.receipts import read_receipts
from tests.fakes.running_lab import CONFIGURATION, running_lab

TRUSTING = (
    CONFIGURATION.replace(
        'domains = ["a.test"]\n',
        'domains = ["a.test"]\nmx = "mx.a.test"\ntls_ca = ".mtalab/tls/ca.pem"\n',
    )
    .replace('personality = "steady"', 'mx = "mx.a.test"\npersonality = "tls"')
    .replace("[retry]", '[[mx_rule]]\nmask = "*"\ntls = "required"\n[retry]')
)


def test_a_sink_of_a_running_lab_becomes_another_and_back(tmp_path):
    with running_lab(tmp_path, text=TRUSTING) as lab:
        lab.wait(lambda: lab.pid_of("sinks") is not None, "the sinks have reported for duty")
        pid = lab.pid_of("sinks")
        first = lab.submit(5)
        lab.wait(lambda: lab.sent(first) == 5, "the good certificate is trusted")
        assert all(each.tls for each in read_receipts(lab.loaded.directory))

        changed = lab.json("sink", "set", "a", "--personality", "tls_expired")
        assert (changed["sink"], changed["accepted"]) == ("a", 5)
        second = lab.submit(3)

        def reasons():
            return {each.reason for each in lab.messages(second) if each.reason is not None}

        lab.wait(lambda: bool(reasons()), "the expired certificate is refused")
        assert {each.label for each in reasons()} == {"certificate_expired"}
        assert lab.sent(second) == 0

        lab.call("sink", "set", "a", "--personality", "tls")
        lab.wait(lambda: lab.sent(second) == 3, "what was put off is sent")
        assert lab.json("sink", "list")[0]["accepted"] == 8
        assert lab.pid_of("sinks") == pid
