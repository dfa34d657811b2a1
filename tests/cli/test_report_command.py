"""mtalab report: its list, its forms and what it refuses, on a lab where nothing runs."""

import csv
import io
import sys

import pytest

from lab.following import Account
from monitor.reports.catalogue import ENTRIES

SUBMIT = ("submit", "--message", "mail.eml", "--affinity", "promo", "--recipients", "people.csv")


@pytest.fixture
def sent(lab):
    lab(*SUBMIT)
    return lab


def test_the_list_has_all(mtalab):
    assert [each["name"] for each in mtalab("report", "list", "--json").json] == [
        each.name for each in ENTRIES
    ]
    assert "smtp-errors" in mtalab("report", "list").out


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda each: each.name)
def test_each_is_shown_in_each_form(sent, entry, tmp_path):
    words = ("report", entry.name, *(() if entry.of == "lab" else ("--delivery", "1")))
    shown = sent(*words, "--explain")
    assert shown.code == 0, shown.err
    assert entry.title in shown.out
    assert "How it is made" in shown.out
    found = sent(*words, "--json", "--explain").json
    assert found["report"] == entry.name
    assert {each["figure"] for each in found["explain"]} == {each.name for each in entry.figures}
    for each in found["sheets"]:
        names = {column["name"] for column in each["columns"]}
        assert all(set(row) == names for row in each["rows"])
    rows = list(csv.reader(io.StringIO(sent(*words, "--csv").out)))
    assert rows[0] == [column["name"] for column in found["sheets"][0]["columns"]]
    assert len(rows) == 1 + len(found["sheets"][0]["rows"])
    assert sent(*words, "--html", "out.html").code == 0
    assert f"<h1>{entry.title}</h1>" in (tmp_path / "out.html").read_text()


def test_figures_of_what_was_submitted(sent):
    (row,) = sent("report", "summary", "-d", 1, "--json").json["sheets"][0]["rows"]
    assert (row["population"], row["pending"], row["success_rate"]) == (15, 15, 0.0)


def test_another_sheet_and_pictures(sent, tmp_path):
    done = sent("report", "bounces", "-d", 1, "--csv", "--sheet", "reasons")
    assert done.out.startswith("reason,code,errors,")
    assert sent("report", "bounces", "-d", 1, "--png", "a.png").code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_on_standard_output_is_alone_there(sent):
    done = sent("report", "throughput", "--html", "-")
    assert done.out.startswith("<!doctype html>")
    assert "mtalab report throughput" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuch",), "there is no report 'nosuch'"),
        (("tracking",), "is of one delivery"),
        (("smtp", "-d", "1"), "is of the whole lab"),
        (("summary", "-d", "99"), "99"),
        (("throughput", "--from", "yesterday"), "is no time"),
        (("throughput", "--from", "10m", "--to", "20m"), "has no length"),
        (("throughput", "--scale", "0s"), "has no length"),
        (("throughput", "--scale", "much"), "is no duration"),
        (("bounces", "--reason", "bad_mood"), "there is no reason"),
        (("bounces", "--csv", "--sheet", "none"), "has no sheet"),
        (("indicators", "--png", "a.png"), "nothing to draw"),
    ],
)
def test_what_cannot_be_is_refused(sent, words, said):
    done = sent("report", *words)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_a_file_that_cannot_be_written_is_told(sent):
    done = sent("report", "summary", "--html", "no/such/folder/a.html")
    assert done.code == 1
    assert "cannot be written" in done.err


def test_without_matplotlib_it_says_what_to_install(sent, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = sent("report", "bounces", "--png", "a.png")
    assert done.code == 1
    assert "mtalab[plots]" in done.err
    assert not (tmp_path / "a.png").exists()


def test_source_ips_are_judged_since_the_processes_have_the_configuration(sent, monkeypatch):
    from lab.reports import asking as report

    digest = []
    monkeypatch.setattr(report, "digest_of", lambda _loaded: "d")
    monkeypatch.setattr(
        report,
        "accounts",
        lambda _directory: [
            Account("scheduler", 1, "d", 100.0, "", (), hangup=True),
            Account("mta@promo1", 2, "d", 200.0, "", (), hangup=True),
            Account("sinks", 3, "old", 300.0, "", (), hangup=True),
        ],
    )
    seen = report.REPORTS["source-ips"].build

    class Entry:
        of, name, title, figures = "lab or delivery", "source-ips", "Source IPs", ()

        @staticmethod
        def build(tx, request):
            digest.append(request.configured_at)
            return seen(tx, request)

    monkeypatch.setattr(report, "REPORTS", {"source-ips": Entry})
    assert sent("report", "source-ips").code == 0
    assert digest == [200.0]
