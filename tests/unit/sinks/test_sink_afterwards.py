"""What an accepted message brings its sender afterwards, and the file in which it waits."""

import pytest
from pydantic import ValidationError

from mail.inbound import digest_of
from sinks.afterwards import Afterwards, Comeback, Kind
from sinks.errors import DamagedReceipts, SinkFilesUnusable
from sinks.local_part import Later, wish_of
from sinks.lot import Lots
from sinks.outgoing import Cause, OutgoingFile, read_ended
from sinks.settings import Personality

CAUSE = Cause("bounce+1-2@x.test", "anna@a.test", "127.0.0.1", 100.0, b"Subject: \xff\r\n")
BOUNCE = Comeback(Kind.BOUNCE, 30.0, "dsn", "5.1.1", text="nobody")


def brought(recipient="anna@a.test", sender="s@x.test", message="<1@x>", seed="0", **personality):
    rules = Personality.model_validate(personality)
    return list(Afterwards(rules, Lots(seed)).of(sender, recipient, message))


def test_a_plain_personality_brings_nothing():
    assert brought() == []


@pytest.mark.parametrize(
    ("wish", "kind", "status"),
    [
        ("bounce-later", Kind.BOUNCE, "5.1.1"),
        ("anna+Bounce-Later-5.2.2", Kind.BOUNCE, "5.2.2"),
        ("reply", Kind.AUTO_REPLY, ""),
        ("complain", Kind.COMPLAINT, ""),
        ("slow-1s.bounce-later-4.4.7", Kind.BOUNCE, "4.4.7"),
        ("slow-1s.reply", Kind.AUTO_REPLY, ""),
    ],
)
def test_an_address_can_ask_for_it(wish, kind, status):
    [found] = brought(f"{wish}@a.test")
    assert (found.kind, found.status, found.after_s) == (kind, status, 1.0)


def test_a_refusal_at_once_is_another_wish():
    assert wish_of("bounce-550@a.test").later is None
    assert wish_of("bounce-later@a.test").reply is None
    assert wish_of("bounce-later@a.test").later is Later.BOUNCE
    assert wish_of("bounce-latest@a.test") is None


@pytest.mark.parametrize("wish", ["anna", "bounce-later", "reply", "complain"])
def test_the_null_sender_gets_nothing_back(wish):
    every = {"bounce_later": {}, "auto_reply": {}, "complain": {}}
    assert brought(f"{wish}@a.test", sender="", **every) == []


def test_what_bounces_brings_nothing_else():
    [found] = brought(bounce_later={}, auto_reply={}, complain={})
    assert found.kind is Kind.BOUNCE
    both = brought(auto_reply={}, complain={})
    assert [each.kind for each in both] == [Kind.AUTO_REPLY, Kind.COMPLAINT]


def test_a_share_is_of_the_same_addresses_each_time_and_follows_the_seed():
    people = [f"u{number}@a.test" for number in range(400)]

    def bouncing(seed, message):
        rule = {"share": 0.25, "reasons": [{"status": "5.1.1", "text": "a"}] * 2}
        return {
            each: found[0]
            for each in people
            if (found := brought(each, seed=seed, message=message, bounce_later=rule))
        }

    first = bouncing("0", "<1@x>")
    assert 60 < len(first) < 140
    assert bouncing("0", "<2@x>") == first
    assert bouncing("1", "<1@x>").keys() != first.keys()


def test_complaints_are_of_messages():
    rule = {"complain": {"share": 0.5}}
    found = [bool(brought(message=f"<{number}@x>", **rule)) for number in range(100)]
    assert 25 < sum(found) < 75
    assert found == [bool(brought(message=f"<{number}@x>", **rule)) for number in range(100)]


def test_masks_reasons_by_weight_and_delays_within_jitter():
    rule = {
        "recipients": ["*@b.test"],
        "delay": {"time": "1m", "jitter": "10s"},
        "formats": ["exim", "qmail"],
        "reasons": [
            {"status": "5.1.1", "text": "nobody", "weight": 9},
            {"status": "4.4.1", "text": "later", "action": "delayed"},
        ],
    }
    assert brought(bounce_later=rule) == []
    found = [brought(f"u{n}@b.test", bounce_later=rule)[0] for n in range(300)]
    assert all(60.0 <= each.after_s <= 70.0 for each in found)
    assert {(each.status, each.form) for each in found} == {
        ("5.1.1", "exim"),
        ("5.1.1", "qmail"),
        ("4.4.1", "dsn"),  # no other format can say that a message is only late
    }
    assert 240 < sum(each.status == "5.1.1" for each in found) < 295


@pytest.mark.parametrize(
    "bad",
    [
        {"bounce_later": {"reasons": [{"status": "2.0.0", "text": "x"}]}},
        {"bounce_later": {"reasons": []}},
        {"bounce_later": {"reasons": [{"status": "5.1.1", "text": "two\r\nlines"}]}},
        {"bounce_later": {"formats": ["fax"]}},
        {"auto_reply": {"subject": "a\nBcc: b@c.test"}},
        {"complain": {"to": "nobody"}},
        {"complain": {"share": 2}},
    ],
)
def test_what_makes_no_mail_is_refused(bad):
    with pytest.raises(ValidationError):
        Personality.model_validate(bad)


def test_what_waits_is_there_after_a_restart(tmp_path):
    file = OutgoingFile(tmp_path, "mx1")
    first, due = file.put(BOUNCE, CAUSE)
    second, _ = file.put(Comeback(Kind.AUTO_REPLY, 1.0, subject="ä", text="Away"), CAUSE)
    assert due == 130.0
    file.ended(first, 131.0, "250 ok", is_delivered=True, digest="d")
    file.close()
    again = OutgoingFile(tmp_path, "mx1")
    assert again.waiting() == {second: 101.0}
    waiting = again.get(second)
    assert waiting.cause == CAUSE
    assert (waiting.comeback.kind, waiting.comeback.subject) == (Kind.AUTO_REPLY, "ä")
    again.close()
    [ended] = read_ended(tmp_path)
    assert (ended.number, ended.sink, ended.is_delivered, ended.digest) == (first, "mx1", True, "d")


def test_a_line_that_no_sink_writes_is_told(tmp_path):
    file = OutgoingFile(tmp_path, "mx1")
    number, _ = file.put(BOUNCE, CAUSE)
    file.close()
    path = tmp_path / "outgoing" / "mx1.jsonl"
    path.write_bytes(path.read_bytes() + b'{"due": "soon"}\n{"end": 1}\n')
    file = OutgoingFile(tmp_path, "mx1")
    with pytest.raises(DamagedReceipts):
        file.waiting()
    with pytest.raises(DamagedReceipts):
        list(read_ended(tmp_path))
    assert file.get(number).due == 130.0
    file.close()
    path.unlink()
    with pytest.raises(SinkFilesUnusable):
        file.get(number)


def test_a_digest_is_of_recipient_and_content():
    assert digest_of("A@x.test", b"b") == digest_of("a@x.test", b"b")
    assert digest_of("a@x.test", b"b") != digest_of("a@x.test", b"c")
    assert digest_of("a@x.test", b"b") != digest_of("b@x.test", b"b")
