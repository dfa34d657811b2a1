"""Bad servers, an IP that is not here, a validity that ends: what it says, and the rest goes on."""

from typing import NamedTuple

import pytest

from mail.reason import Reason
from mail.states import MessageStatus
from tests.fakes.odd_server import odd_server
from tests.fakes.running_lab import CONFIGURATION, free_ports
from tests.fakes.shared_lab import shared_lab

ODD = ("closed", "http", "mute")
TEXT = (
    CONFIGURATION.replace("workers = 2", "workers = 1")
    .replace("127.0.1.9", "192.0.2.9")
    .replace('affinities = ["promo"]', 'affinities = ["promo", "other"]')
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    [closed] = free_ports(1)
    with odd_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as http, odd_server(b"") as mute:
        routes = "".join(
            f'[route.{name}]\ndomains = ["{name}.test"]\nhost = "127.0.0.1:{port}"\n'
            for name, port in zip(ODD, (closed, http, mute), strict=True)
        )
        impatient = '[[mx_rule]]\nmask = "mute.test"\ngreeting_timeout = "500ms"\n'
        text = TEXT.replace("[sink.a]", f"{routes}{impatient}[sink.a]")
        with shared_lab(tmp_path_factory, text) as shared:
            yield shared


@pytest.fixture
def lab(shared, request):
    with shared.of_test(request) as lab:
        yield lab


class Tried(NamedTuple):
    """What became of the messages of a delivery that were tried."""

    statuses: set[str]
    reasons: set[Reason | None]
    replies: set[str]


def tried(lab, delivery):
    lab.wait(lambda: any(each.attempts > 1 for each in lab.messages(delivery)), "it is retried")
    found = lab.messages(delivery)
    once = [each for each in found if each.attempts]
    return Tried(
        {each.status for each in found},
        {each.reason for each in once},
        {each.reply for each in once},
    )


def test_servers_that_refuse_talk_nonsense_or_say_nothing_only_defer_their_own_mail(lab):
    bad = {name: lab.submit(10, f"{name}.test") for name in ODD}
    good = lab.submit(50, "b.test")
    lab.wait(lambda: lab.sent(good) == 50, "the others go on")
    found = {name: tried(lab, delivery) for name, delivery in bad.items()}
    for delivery in bad.values():
        assert lab.call("cancel", str(delivery)).returncode == 0
    assert all(each.statuses == {MessageStatus.PENDING} for each in found.values())
    unreachable, nonsense = {Reason.UNREACHABLE}, {Reason.PROTOCOL}
    reasons = {name: each.reasons for name, each in found.items()}
    assert reasons == {"closed": unreachable, "http": nonsense, "mute": unreachable}
    assert all("refused" in each.lower() for each in found["closed"].replies)
    assert all("HTTP/1.1 400" in each for each in found["http"].replies)
    assert all("Timed out" in each for each in found["mute"].replies)


def test_an_ip_that_this_host_does_not_have_sends_nothing_and_nothing_goes_instead(lab):
    stuck = lab.submit(10, "b.test", affinity="other")
    good = lab.submit(10, "b.test")
    lab.wait(lambda: lab.sent(good) == 10, "the others go on")
    assert lab.counts(stuck) == {"pending": 10}
    causes = {each["code"] for each in lab.json("status")["queues"] if each["delivery_id"] == stuck}
    assert causes == {"source_ip_unavailable"}
    assert set(lab.peers()) <= {"127.0.1.1", "127.0.1.2"}
    assert lab.call("cancel", str(stuck)).returncode == 0


def test_what_is_past_its_validity_ends_and_says_so(lab):
    text = lab.text
    lab.write(text.replace('validity = "10m"', 'validity = "3s"'))
    untried = lab.submit(5, "nowhere.test")
    put_off = lab.submit_to("defer99x@b.test")
    lab.write(text)
    lab.wait(lambda: lab.counts(untried)["cancelled"] == 5, "the untried are cancelled")
    lab.wait(lambda: lab.counts(put_off)["failed"] == 1, "the tried one fails")
    assert {each.reason for each in lab.messages(put_off)} == {Reason.EXPIRED}
