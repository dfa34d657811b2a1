"""Our worker into servers that nobody here wrote: each message is there exactly once."""

import contextlib

from mail.message_id import return_path
from mail.states import MessageStatus
from store import keys
from tests.fakes.other_servers import exim, postfix, smtp_sink
from tests.fakes.running_lab import CONFIGURATION, running_lab

MANY = 1000
FEW = 8
PENDING, FAILED, SENT = MessageStatus.PENDING, MessageStatus.FAILED, MessageStatus.SENT
HARD = ("-B", "550 5.7.1 Refused for good")
# smtp-sink's options and what they come to: it offers less, or fails at a command.
FAULTS = (
    (("-p",), SENT),  # no PIPELINING
    (("-8",), SENT),  # no 8BITMIME
    (("-e",), SENT),  # no ESMTP at all
    (("-E",), SENT),  # no enhanced status codes
    (("-w", "1"), SENT),  # a second for each reply to the end of data
    (("-r", "connect"), PENDING),
    (("-r", "mail"), PENDING),
    (("-r", "rcpt"), PENDING),
    (("-r", "data"), PENDING),
    (("-r", "."), PENDING),
    (("-q", "ehlo"), PENDING),
    (("-q", "mail"), PENDING),
    (("-q", "."), PENDING),
    ((*HARD, "-f", "mail"), FAILED),
    ((*HARD, "-f", "rcpt"), FAILED),
    ((*HARD, "-f", "data"), FAILED),
    ((*HARD, "-f", "."), FAILED),
)


def lab_before(folder, **ports):
    routes = "".join(
        f'[route.{name}]\ndomains = ["{name}.test"]\nhost = "127.0.0.1:{port}"\n'
        for name, port in ports.items()
    )
    return running_lab(folder, text=CONFIGURATION.replace("[sink.a]", f"{routes}[sink.a]"))


def to(lab, name):
    return [each for each in lab.messages(1) if each.domain == f"{name}.test"]


def return_paths(lab, name):
    domain = lab.loaded.configuration.lab.domain
    sealing = lab.store.read_now(keys.keys)
    return {return_path(domain, 1, each.id, sealing) for each in to(lab, name)}


def test_postfix_exim_and_smtp_sink_get_thousands_of_messages_each_once(tmp_path):
    with postfix() as one, exim() as two, smtp_sink() as three:
        others = {"postfix": one, "exim": two, "smtpsink": three}
        ports = {name: each.port for name, each in others.items()}
        with lab_before(tmp_path, **ports) as lab:
            lab.submit(MANY, *(f"{name}.test" for name in others))
            lab.wait(lambda: lab.sent(1) == MANY * len(others), "all are sent")
            for name, other in others.items():
                taken = other.senders()
                assert set(taken) == return_paths(lab, name), name
                assert set(taken.values()) == {1}, name
            assert {each.attempts for each in lab.messages(1)} == {1}
            assert lab.down() == 0


def test_servers_that_offer_less_get_all_and_those_that_fail_invent_nothing(tmp_path):
    with contextlib.ExitStack() as opened:
        others = [opened.enter_context(smtp_sink(*options)) for options, _ in FAULTS]
        ports = {f"o{number}": each.port for number, each in enumerate(others)}
        with lab_before(tmp_path, **ports) as lab:
            lab.submit(FEW, *(f"{name}.test" for name in ports))
            healthy = lab.submit(FEW, "b.test")
            lab.wait(lambda: lab.sent(healthy) == FEW, "the others go on")
            whole = [
                name for name, (_, status) in zip(ports, FAULTS, strict=True) if status is SENT
            ]
            lab.wait(lambda: all(each.attempts for each in lab.messages(1)), "all are tried")
            lab.wait(lambda: lab.sent(1) == FEW * len(whole), "what can be sent is")
            for name, (options, status), other in zip(ports, FAULTS, others, strict=True):
                assert {each.status for each in to(lab, name)} == {status}, options
                if status is SENT:
                    taken = other.senders()
                    assert set(taken) == return_paths(lab, name), options
                    assert set(taken.values()) == {1}, options
            assert lab.down() == 0
