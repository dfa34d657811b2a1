"""``mtalab bounces list`` and ``show``, and the configuration in which bounces have no way."""

import pytest

from lab.configuration import load
from mail.inbound import InboundKind, digest_of
from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent
from store import inbound
from store.schema import open_store

VERDICT = Verdict(
    MessageEvent.REFUSED, FailureType.HARD, Reason.USER_UNKNOWN, "5.1.1 who?", 550, "5.1.1", "own"
)
CONTENT = b"Subject: \x1b[2J\r\n\r\nUnd\xff so\r\n"


@pytest.fixture
def with_bounces(lab, tmp_path):
    """A lab into which two mails came: a forged bounce, and one that nobody understands."""
    loaded = load(tmp_path / "mtalab.toml", {})
    store = open_store(loaded.store_url)
    report = inbound.Report(("x@a.test",), InboundKind.FAILED, VERDICT)
    letters = [
        inbound.Letter(
            "bounce+1-1@mtalab.test",
            "",
            content,
            digest_of("", content),
            kind,
            "Subject",
            "text",
            None,
            None,
            reports,
        )
        for content, kind, reports in (
            (CONTENT, InboundKind.FAILED, (report,)),
            (b"?", InboundKind.UNKNOWN, ()),
        )
    ]
    store.write_now(inbound.take, letters, inbound.Terms(60.0), 1_750_000_000.0)
    store.close()
    return lab


def test_what_came_is_listed(with_bounces):
    done = with_bounces("bounces", "list", "--json")
    assert done.code == 0
    second, first = done.json
    assert (first["kind"], first["effect"], first["matched_by"]) == ("failed", "none", "nothing")
    assert (first["reason"], first["code"], first["rule"]) == ("user_unknown", 550, "own")
    assert (second["kind"], second["qualification"]) == ("unknown", "to_qualify")
    assert [
        each["id"] for each in with_bounces("bounces", "list", "--to-qualify", "--json").json
    ] == [second["id"]]
    assert with_bounces("bounces", "list", "--delivery", "1", "--json").json == []
    assert len(with_bounces("bounces", "list", "--kind", "failed", "--json").json) == 1
    assert "5.1.1 who?" in with_bounces("bounces", "list").out
    assert with_bounces("bounces", "list", "--kind", "fax").code == 2


def test_one_is_shown_whole_and_moves_no_cursor(with_bounces):
    shown = with_bounces("bounces", "show", "1")
    assert shown.code == 0
    assert "with no message" in shown.out
    assert "user_unknown, hard, by rule own" in shown.out
    assert "\x1b" not in shown.out
    assert with_bounces("bounces", "show", "1", "--json").json["content"].startswith("Subject:")
    missing = with_bounces("bounces", "show", "99")
    assert missing.code == 2
    assert "no mail 99" in missing.err


@pytest.mark.parametrize("key", ["bounce_later", "auto_reply", "complain"])
def test_a_sink_that_writes_back_needs_somebody_to_write_to(mtalab, tmp_path, key):
    text = (
        '[sink.a]\nlisten = "127.0.0.1:2601"\npersonality = "late"\n'
        f"[personality.late]\n{key} = {{}}\n"
    )
    off = '[inmail]\nlisten = "off"\n'
    file = tmp_path / "mtalab.toml"
    file.write_text(text + off)
    done = mtalab("config", "check")
    assert done.code == 2
    assert "there is nowhere to send it" in done.out + done.err
    for better in (text, text.replace("[pers", 'bounces_to = "127.0.0.1:25"\n[pers') + off):
        file.write_text(better)
        assert "nowhere" not in mtalab("config", "check").out
