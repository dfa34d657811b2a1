"""The postman meets a receiver of each kind."""

from email.message import EmailMessage

import pytest
from postman import Undeliverable, deliver


def letter(to):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "me@here.test", to, f"For {to}"
    message.set_content("Hello\n")
    return message


def test_a_friendly_receiver_gets_it_at_once(receivers):
    to = "ada@friendly.test"
    assert deliver(receivers.sinks["friendly"], letter(to), tries=1, pause_s=0) == 1
    (got,) = receivers.inbox(recipient=to)
    assert (got.sink, got.subject, got.text) == ("friendly", f"For {to}", "Hello\n")


def test_greylisting_is_waited_out(receivers):
    to = "ada@greylisting.test"
    assert deliver(receivers.sinks["greylisting"], letter(to), tries=50, pause_s=0.1) > 1
    assert len(receivers.inbox(recipient=to)) == 1


def test_an_unknown_address_is_not_tried_again(receivers):
    # At any sink the local part can ask for the answer.
    to = "bounce-550-5.1.1@friendly.test"
    with pytest.raises(Undeliverable, match=r"^550 5\.1\.1"):
        deliver(receivers.sinks["friendly"], letter(to), tries=5, pause_s=60)
    assert receivers.inbox(recipient=to) == []


def test_a_closed_door_is_told_in_the_receivers_words(receivers):
    with pytest.raises(Undeliverable, match="We take no mail from 127"):
        deliver(receivers.sinks["closed"], letter("ada@closed.test"), tries=1, pause_s=0)
