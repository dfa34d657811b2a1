"""submit: what goes in, what is refused whole, and what is said about it."""

from pathlib import Path

import orjson
import pytest

SUBMIT = ("submit", "--message", "mail.eml", "--affinity", "promo", "--recipients")


def people(text: str, name: str = "list.csv") -> str:
    Path(name).write_bytes(text.encode())
    return name


def queued(lab) -> int:
    return sum(each["messages"] for each in lab("deliveries", "--json").json)


def test_the_sample_files_can_be_submitted_at_once(lab):
    done = lab(*SUBMIT, "people.csv", "--json")
    assert done.code == 0
    said = done.json
    assert said.pop("findings") == []
    assert [each["kind"] for each in said.pop("urls")] == ["open", "opt_out", "mirror"]
    assert said == {
        "delivery": 1,
        "held": False,
        "messages": 15,
        "duplicates": 0,
        "quarantined": 0,
        "denylisted": 0,
        "rejected": 0,
        "rejects_file": None,
        "waves": [],
        "warnings": [],
    }
    [delivery] = lab("deliveries", "--json").json
    assert delivery["status"] == "start_pending"
    assert delivery["counts"]["pending"] == 15


def test_json_lines_and_standard_input_are_read_too(lab, monkeypatch):
    rows = [{"email": f"u{n}@gmail.test", "first_name": "Ü", "city": n} for n in range(30)]
    lines = "\n".join(orjson.dumps(row).decode() for row in rows)
    assert lab(*SUBMIT, people(lines, "list.jsonl"), "--json").json["messages"] == 30
    with Path("list.jsonl").open() as handle:
        monkeypatch.setattr("sys.stdin", handle)
        assert lab(*SUBMIT, "-", "--json").json["messages"] == 30


def test_semicolons_a_byte_order_mark_and_another_address_column_are_fine(lab):
    text = "\ufefffirst_name;Kontakt;city\nÉva;eva@gmail.test;Pécs\n"
    done = lab(*SUBMIT, people(text), "--address-column", "kontakt", "--json")
    assert done.json["messages"] == 1


def test_bad_rows_refuse_the_whole_and_are_told_with_their_lines(lab):
    text = (
        "address,first_name,city\n"
        "good@gmail.test,A,B\n"
        "no address,A,B\n"
        '"two\nlines",A,B\n'
        "short@gmail.test,A\n"
        "nul@gmail.test,\0,B\n"
    )
    done = lab(*SUBMIT, people(text))
    assert (done.code, done.out) == (2, "")
    assert "list.csv: 4 of its rows cannot be sent to, so nothing was submitted:" in done.err
    for line in (3, 4, 6, 7):
        assert f"\nlist.csv:{line}: " in done.err
    assert queued(lab) == 0


def test_bad_rows_can_be_skipped_into_a_file(lab):
    text = "address,first_name,city\ngood@gmail.test,A,B\nno address,A,B\n"
    done = lab(*SUBMIT, people(text), "--skip-bad-rows", "--json")
    assert done.code == 0
    assert done.json["rejected"] == 1
    [reject] = Path("list.csv.rejects.jsonl").read_text().splitlines()
    assert orjson.loads(reject)["line"] == 3
    assert queued(lab) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "has no rows"),
        ("name,town\nA,B\n", "has no column 'address'"),
        ("address,city,city\na@b.test,A,B\n", "has the column 'city' twice"),
        ("address,first_name,city\n", "holds no recipient that can be sent to"),
        (
            "address,city\na@gmail.test,B\n",
            "mail.eml:2: field 'first_name' is not among the columns",
        ),
    ],
)
def test_what_cannot_be_sent_at_all_is_refused_with_its_reason(lab, text, expected):
    done = lab(*SUBMIT, people(text))
    assert done.code == 2
    assert expected in done.err
    assert queued(lab) == 0


def test_a_file_that_is_not_utf8_names_the_line(lab):
    Path("list.csv").write_bytes(b"address,first_name,city\na@gmail.test,\xe9va,B\n")
    done = lab(*SUBMIT, "list.csv")
    assert done.code == 2
    assert "list.csv:2: is not UTF-8 text" in done.err


def test_files_that_are_not_there_are_named(lab):
    assert "nobody.csv: cannot be read: No such file" in lab(*SUBMIT, "nobody.csv").err
    done = lab("submit", "-m", "no.eml", "-r", "people.csv", "-a", "promo")
    assert done.code == 2
    assert "no.eml: cannot be read" in done.err


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--priority", "urgent", "Use low, normal, high or a whole number"),
        ("--at", "tomorrow", "Use 2026-12-24T08:00"),
        ("--at", "+soon", "expected a duration"),
        ("--validity", "ever", "expected a duration"),
    ],
)
def test_options_that_mean_nothing_are_refused(lab, option, value, expected):
    done = lab(*SUBMIT, "people.csv", option, value)
    assert done.code == 2
    assert f"{option}: {value!r}" in done.err or f"{value.lstrip('+')!r}" in done.err
    assert expected in done.err
    assert queued(lab) == 0


def test_times_priority_and_validity_reach_the_delivery(lab):
    done = lab(
        *SUBMIT, "people.csv", "--at", "2031-05-06T07:08:09+00:00", "--priority", "high",
        "--validity", "2h", "--label", "Spring",
    )  # fmt: skip
    assert done.code == 0
    [delivery] = lab("deliveries", "--json").json
    assert delivery["contact_at"] == 1935817689.0
    assert delivery["expires_at"] - delivery["contact_at"] == 7200
    assert delivery["priority"] == 10
    assert delivery["label"] == "Spring"


def test_duplicates_are_ignored_and_counted(lab):
    text = "address,first_name,city\na@gmail.test,A,B\na@GMAIL.test,A,B\nA@gmail.test,A,B\n"
    done = lab(*SUBMIT, people(text))
    assert done.out == "delivery 1: 3 messages queued (1 duplicate ignored)\n"


def test_an_unknown_affinity_and_unrouted_domains_are_warned_of(lab):
    text = "address,first_name,city\na@gmail.test,A,B\nb@nowhere.test,A,B\n"
    done = lab("submit", "-m", "mail.eml", "-r", people(text), "-a", "prom")
    assert done.code == 0
    assert "no affinity 'prom' is configured (did you mean 'promo'?)" in done.err
    assert "1 recipients of 1 domains have no route" in done.err


def test_an_affinity_that_no_instance_serves_is_warned_of(lab):
    file = Path("mtalab.toml")
    file.write_text(file.read_text().replace('"service", "promo"', '"promo"'))
    words = ("submit", "-m", "mail.eml", "-r", "people.csv", "-a", "service", "--json")
    assert lab(*words).json["warnings"] == [
        "no MTA instance has affinity 'service': the delivery stays pending"
    ]
