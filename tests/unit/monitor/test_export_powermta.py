"""Events as PowerMTA's accounting records."""

import csv
import io
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.reason import Reason
from mail.states import MessageEvent
from monitor.export.place import Place
from monitor.export.powermta import COLUMNS, header, records
from tests.fakes.events import AT, event, refused, untried

ONE_HOST = {"a": Place("mx.a.test", "127.0.0.1", 2601)}


def read(what, places=ONE_HOST):
    text = header() + records(what, "lab.example", places)
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_the_header_is_that_of_the_default_file_and_one_more():
    assert header() == (
        "type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,"
        "srcType,srcMta,dlvType,dlvSourceIp,dlvDestinationIp,dlvEsmtpAvailable,dlvSize,vmta,"
        "jobId,envId,queue,vmtaPool,feedbackType,header_Message-Id\n"
    )


def test_a_first_delivery_was_received_and_delivered():
    received, delivered = read(event(MessageEvent.ACCEPTED))
    assert received["type"] == "r"
    assert received["timeLogged"] == received["timeQueued"] == delivered["timeQueued"]
    assert {key: value for key, value in delivered.items() if not key.startswith("time")} == {
        **dict.fromkeys(COLUMNS[3:], ""),
        "type": "d",
        "orig": "bounce+7-42@lab.example",
        "rcpt": "ann@a.test",
        "dsnAction": "relayed",
        "dsnStatus": "2.0.0",
        "dsnDiag": "smtp;250 2.0.0 Ok",
        "dsnMta": "mx.a.test (127.0.0.1)",
        "dlvType": "smtp",
        "dlvSourceIp": "127.0.1.1",
        "dlvDestinationIp": "127.0.0.1",
        "dlvSize": "1234",
        "vmta": "127.0.1.1",
        "jobId": "7",
        "queue": "a.test/127.0.1.1",
        "vmtaPool": "promo",
        "header_Message-Id": "<7.42@lab.example>",
    }


def test_times_are_local_with_their_offset():
    _, delivered = read(event(MessageEvent.ACCEPTED))
    at = datetime.strptime(delivered["timeLogged"], "%Y-%m-%d %H:%M:%S%z")
    assert at.timestamp() == AT


@pytest.mark.parametrize(
    ("what", "kind", "action", "status", "category"),
    [
        (refused(first=False), "b", "failed", "5.1.1", "bad-mailbox"),
        (refused(first=False, reason=None, enhanced=None), "b", "failed", "5.0.0", "other"),
        (
            event(
                MessageEvent.DEFERRED,
                first=False,
                code=None,
                enhanced=None,
                reason=Reason.UNREACHABLE,
            ),
            "t",
            "delayed",
            "4.0.0",
            "no-answer-from-host",
        ),
        (
            untried(MessageEvent.EXPIRED_TRIED, first=False),
            "b",
            "failed",
            "4.4.7",
            "message-expired",
        ),
        (untried(MessageEvent.WITHDRAWN, first=False), "b", "failed", "5.0.0", "other"),
        (
            untried(MessageEvent.BOUNCED_LATER, first=False, reason=Reason.MAILBOX_FULL),
            "rb",
            "failed",
            "5.0.0",
            "quota-issues",
        ),
    ],
)
def test_what_becomes_of_it(what, kind, action, status, category):
    (found,) = read(what)
    assert (found["type"], found["dsnAction"], found["dsnStatus"], found["bounceCat"]) == (
        kind,
        action,
        status,
        category,
    )


def test_a_complaint_is_a_feedback_record():
    complained = untried(
        MessageEvent.BOUNCED_LATER,
        first=False,
        reason=Reason.DENYLISTED,
        text="complaint: abuse",
    )
    (found,) = read(complained)
    assert {key: value for key, value in found.items() if value and "time" not in key} == {
        "type": "f",
        "orig": "bounce+7-42@lab.example",
        "rcpt": "ann@a.test",
        "jobId": "7",
        "vmtaPool": "promo",
        "feedbackType": "abuse",
        "header_Message-Id": "<7.42@lab.example>",
    }


@pytest.mark.parametrize("kind", [MessageEvent.EXCLUDED, MessageEvent.RETRIED_BY_HAND])
def test_what_powermta_has_no_record_for_is_left_out(kind):
    assert records(untried(kind), "lab.example", {}) == ""


def test_which_of_several_hosts_it_was_is_left_empty():
    _, delivered = read(event(MessageEvent.ACCEPTED), places={})
    assert (delivered["dsnMta"], delivered["dlvDestinationIp"]) == ("", "")


@given(st.text(max_size=60), st.text(st.characters(exclude_categories=["C", "Z"])))
def test_any_reply_and_address_come_back_from_a_csv_reader(text, local):
    found = read(refused(first=False, text=text, address=f"{local}@a.test"))
    assert len(found) == 1
    assert found[0]["rcpt"] == f"{local}@a.test"
    assert found[0]["dsnDiag"].startswith("smtp;550")
    assert found[0]["header_Message-Id"] == "<7.42@lab.example>"
