"""trace and queue through their own entry point, on a lab where nothing runs."""

from pathlib import Path

import orjson
import pytest

from lab.cli import trace as command
from mta.trace.files import TraceFile
from mta.trace.line import Direction, Ends, Line, Subject, encode

SUBMIT = ("submit", "--message", "mail.eml", "--affinity", "promo", "--recipients", "people.csv")
LANE = "127.0.1.1>gmail"
HEARD = Line(0.25, Direction.HEARD, "250 2.1.5 ok", Subject(1, 1, "gmail.test"), "RCPT", 0.25)
LINES = [
    Line(0.0, Direction.EVENT, "connected"),
    Line(0.0, Direction.SAID, "RCPT TO:<ada@gmail.test>", Subject(1, 1, "gmail.test")),
    HEARD,
    Line(0.5, Direction.SAID, "RCPT TO:<x@aol.test>", Subject(9, 1, "aol.test")),
    Line(2.5, Direction.HEARD, "550 no", Subject(9, 1, "aol.test"), "RCPT", 2.0),
    Line(2.6, Direction.SAID, "(9 bytes of content)", Subject(9, 1, "aol.test"), content="hi\r\n"),
]


@pytest.fixture
def recorded(lab):
    file = TraceFile(Path(".mtalab/traces"), "promo1-1")
    ends = Ends("promo1-1", LANE, 4, "127.0.0.1:2601", 1_700_000_000.0)
    file.write(b"".join(encode(ends, each) for each in LINES))
    file.close()
    lab(*SUBMIT)


def test_what_is_to_be_recorded_is_said_listed_and_taken_back(lab):
    done = lab("trace", "on", "--lane", "127.0.1.1/gmail", "--for", "10m", "--json")
    [told] = done.json
    assert (told["kind"], told["value"], told["content"]) == ("lane", LANE, False)
    lab("trace", "on", "--domain", "*.Test", "--content")
    assert "domain *.test, until `trace off`, by " in lab("trace", "list").out
    found = lab("trace", "list", "--json").json
    assert [each["until"] for each in found["traces"]] == [None, told["until"]]
    done = lab("trace", "off", "--lane", "gmail", "--json")
    assert ([each["value"] for each in done.json["ended"]], done.code) == ([LANE], 0)
    assert lab("trace", "off").out == "domain *.test is not traced any more\n"
    again = lab("trace", "off")
    assert (again.out, again.code) == ("nothing was traced\n", 1)


def test_an_mx_group_stands_for_its_lanes_and_nothing_for_everything(lab):
    assert len(lab("trace", "on", "--lane", "gmail", "--json").json) == 4
    assert lab("trace", "on").out == "every lane is traced until `trace off`\n"
    assert len(lab("trace", "off", "--json").json["ended"]) == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("on", "--lane", "gmial"), "did you mean 'gmail'?"),
        (("on", "--for", "0s"), "'0s' has no length"),
        (("on", "--delivery", "7"), "there is no delivery 7"),
        (("on", "--domain", "no domain"), "no domain"),
        (("gmial",), "there is no lane 'gmial'; did you mean 'gmail'?"),
        (("99",), "there is no message 99"),
    ],
)
def test_what_there_is_not_is_refused(lab, words, said):
    done = lab("trace", *words)
    assert done.code == 2
    assert said in done.err


def test_a_lane_is_shown_with_its_times_and_where_they_went(lab, recorded):
    done = lab("trace", "gmail")
    assert done.code == 0
    assert f"{LANE} to 127.0.0.1:2601, connection 4 of promo1-1" in done.out
    assert "+2.000 ← 9 550 no" in " ".join(done.out.split())
    assert "hi" in done.out
    assert "of which the server took 2.250 s: 2.250 s for RCPT" in done.out
    assert "no answer is recorded to (9 bytes of content)" in done.out


def test_a_message_and_a_domain_have_their_own_lines(lab, recorded):
    [found] = lab("trace", "1", "--json").json
    assert [each["text"] for each in found["lines"]] == [each.text for each in LINES[:3]]
    assert (found["waited"], found["left_out"]) == ({"RCPT": 0.25}, 0)
    [found] = lab("trace", "*.test", "--json").json
    assert len(found["lines"]) == 6
    [found] = lab("trace", "show", "aol.test", "--json").json
    assert found["left_out"] == 2
    assert found["lines"][-1]["content"] == "hi\r\n"
    assert "(2 lines of other messages)" in lab("trace", "aol.test").out


def test_where_nothing_is_recorded_the_answer_is_no(lab, recorded):
    done = lab("trace", "orange")
    assert done.code == 1
    assert done.out == ("nothing is recorded of lane orange; `mtalab trace on` begins to record\n")
    assert lab("trace", "2", "--json").code == 1


def test_a_lane_that_is_configured_no_more_can_be_shown(lab, recorded):
    file = Path("mtalab.toml")
    file.write_text(file.read_text().replace("[route.gmail]", "[route.other]"))
    assert lab("trace", "127.0.1.1/gmail").code == 0
    assert lab("trace", "127.0.1.2/gmail").code == 2


def test_what_is_recorded_is_removed(lab, recorded):
    size = lab("trace", "list", "--json").json["bytes"]
    assert size > 500
    done = lab("trace", "off", "--clear", "--json")
    assert (done.json, done.code) == ({"ended": [], "cleared_bytes": size}, 0)
    assert lab("trace", "gmail").code == 1


def test_lines_are_followed_as_they_come(lab, recorded, monkeypatch):
    class Enough(Exception):
        pass

    def write_once(_):
        if write_once.is_done:
            raise Enough
        write_once.is_done = True
        file = TraceFile(Path(".mtalab/traces"), "promo1-2")
        ends = Ends("promo1-2", LANE, 1, "127.0.0.1:2601", 1_700_000_000.0)
        file.write(encode(ends, HEARD) + encode(ends._replace(lane="127.0.1.1>orange"), HEARD))
        file.close()

    def follow(*words):
        write_once.is_done = False
        with pytest.raises(Enough):
            lab("trace", *words, "--follow")

    monkeypatch.setattr(command.time, "sleep", write_once)
    said = []
    monkeypatch.setattr(command, "print_line", lambda each: said.append(each.line))
    monkeypatch.setattr(command, "line_json", lambda each: said.append(each.ends.lane))
    follow("gmail")
    follow("gmail", "--json")
    follow("1", "--json")
    assert said == [HEARD, LANE, LANE, "127.0.1.1>orange"]


def test_a_line_by_itself(capsys):
    from lab.cli.trace_view import line_json, print_line
    from mta.trace.line import Recorded

    ends = Ends("promo1-2", LANE, 1, "127.0.0.1:2601", 1_700_000_000.0)
    print_line(Recorded(ends, HEARD))
    line_json(Recorded(ends, HEARD))
    text, json = capsys.readouterr().out.splitlines()
    assert text.endswith(f"promo1-2#1 {LANE} 1 ← 250 2.1.5 ok (0.250 s)")
    assert orjson.loads(json)["waited"] == 0.25


def test_the_queue_tells_how_long_mail_waits_and_for_what(lab):
    assert lab("queue").out == "nothing is pending\n"
    lab(*SUBMIT)
    found = lab("queue", "--json").json
    [row] = found["rows"]
    assert "scheduler" in row.pop("cause")
    assert row == {
        "affinity": "promo",
        "total": 15,
        "ages": [15, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    }
    assert (found["total"], found["past"], found["edges_minutes"][-1]) == (15, False, 1280)
    shown = lab("queue").out.split("\n")
    assert shown[1].split()[-11:] == [
        *("total", "5", "10", "20", "40", "80", "160", "320", "640", "1280", "1280+"),
    ]
    by = {
        name: {row[name.replace("-", "_")]: row["total"] for row in rows}
        for name in ("domain", "mx-group", "delivery", "affinity", "cause")
        for rows in [lab("queue", "--by", name, "--json").json["rows"]]
    }
    assert by["domain"] == {"gmail.test": 8, "orange.test": 3, "yahoo.test": 3, "aol.test": 1}
    assert by["mx-group"] == {"gmail": 8, "orange": 3, "yahoo": 4}
    assert by["delivery"] == {"1 mail": 15}
    assert by["affinity"] == {"promo": 15}


def test_the_queue_as_it_was(lab):
    lab(*SUBMIT)
    done = lab("queue", "--as-of", "0s ago", "--json")
    [row] = done.json["rows"]
    assert (row["cause"], row["state"], row["last_deferral"]) == ("unknown", "waiting", "")
    assert done.json["past"]
    assert "from the event log" in lab("queue", "--as-of", "0s").out
    assert lab("queue", "--as-of", "1h ago").out.endswith("nothing was pending\n")
    refused = lab("queue", "--as-of", "2100-01-01")
    assert (refused.code, "lies ahead" in refused.err) == (2, True)
    assert lab("queue", "--as-of", "yesterday").code == 2
