"""prune, delete, restore, check, and what submit does with findings."""

from pathlib import Path

import pytest

from tests.unit.lab.test_checks import GOOD

DOMAIN = 'domain = "bounces.shop.example"'


@pytest.fixture
def files(lab):
    """A lab whose domain is that of the sender, and a message with nothing to say about it."""
    configuration = Path("mtalab.toml")
    text = configuration.read_text()
    assert DOMAIN in text
    configuration.write_text(text.replace(DOMAIN, 'domain = "lab.test"'))
    Path("good.eml").write_text(GOOD.replace("BODY", ""))
    Path("bad.eml").write_text(GOOD.replace("BODY", '<a href="/shop">x</a>'))
    Path("r.csv").write_text("address,name\nann@gmail.test,Ann\n")
    return lab


def submit(lab, message, *more):
    return lab("submit", "-m", message, "-r", "r.csv", "-a", "promo", *more, "--json")


def test_a_message_is_checked(files):
    done = files("check", "good.eml", "-r", "r.csv", "--json")
    assert (done.code, done.json["findings"]) == (0, [])
    assert {
        "ok",
        "file",
        "strict",
        "ignored",
        "more",
        "recipients",
        "size",
        "links",
        "images",
    } < set(done.json)
    done = files("check", "bad.eml", "-r", "r.csv")
    assert done.code == 1
    assert "bad.eml:17: error link_relative: '/shop' names no host" in done.out
    assert files("check", "bad.eml", "--ignore", "link_relative").code == 0
    assert files("check", "bad.eml", "--ignore", "link_relativ").code == 2
    assert files("check", "good.eml", "--validity", "1s").code == 0
    assert files("check", "good.eml", "--validity", "1s", "--strict").code == 1
    assert files("check", "good.eml", "--validity", "soon").code == 2
    assert files("check", "none.eml").code == 2


def test_findings_stop_a_submission_only_if_asked_to(files):
    done = submit(files, "bad.eml")
    assert (done.code, done.json["held"]) == (0, False)
    assert [each["code"] for each in done.json["findings"]] == ["link_relative"]
    assert "error: line 17: link_relative" in done.err
    done = submit(files, "bad.eml", "--checked")
    assert done.code == 2
    assert "nothing was submitted" in done.err
    assert len(files("deliveries", "--json").json) == 1


@pytest.mark.parametrize(
    ("message", "approve", "held"),
    [
        ("good.eml", "automatic", False),
        ("bad.eml", "automatic", False),
        ("good.eml", "semi", False),
        ("bad.eml", "semi", True),
        ("good.eml", "manual", True),
    ],
)
def test_approval(files, message, approve, held):
    done = submit(files, message, "--approve", approve).json
    assert (done["held"], done["findings"] == []) == (held, message == "good.eml")
    [delivery] = files("deliveries", "--json").json
    assert delivery["status"] == ("ready" if held else "start_pending")


def test_deliveries_are_deleted_restored_and_purged(files):
    for _ in range(2):
        assert submit(files, "good.eml").code == 0
    refused = files("delete", "1", "--yes")
    assert refused.code == 2
    assert "not over" in refused.err
    assert files("cancel", "1").code == 0
    assert files("delete", "1").code == 2  # nobody to ask
    # What is pending of it is ended by the scheduler, which does not run here.
    assert files("delete", "1", "--yes").code == 2
    assert files("cancel", "--message", "1").code == 0
    assert files("delete", "1", "--yes", "--json").json == {"deleted": [1], "kept_s": 604800.0}
    assert [each["delivery"] for each in files("deliveries", "--json").json] == [2]
    assert [each["delivery"] for each in files("deliveries", "--deleted", "--json").json] == [1]
    assert files("restore", "1").code == 0
    assert files("restore", "1").code == 2
    assert files("delete", "1", "--yes").code == 0
    done = files("prune", "--kind", "deleted", "--dry-run", "--json").json
    assert done["kinds"][0]["removed"] == 0
    words = ("prune", "--kind", "deleted", "--older-than", "0s", "--json")
    # Its message's end is the newest line of the log: it stays until there is a newer one.
    assert files(*words).json["kinds"][0]["removed"] == 0
    assert files("cancel", "--message", "2").code == 0
    counted = files(*words, "--dry-run").json["kinds"][0]["removed"]
    assert files(*words).json["kinds"][0]["removed"] == counted > 1
    assert files("deliveries", "--deleted", "--json").json == []
    assert files("restore", "1").code == 2


def test_prune_says_what_went(files):
    assert files("deliveries").code == 0
    done = files("prune", "--vacuum", "--json").json
    assert done["done"] is True
    assert {each["kind"]: each["removed"] for each in done["kinds"]} == dict.fromkeys(
        (
            *("delivery_logs", "tracking_logs", "tracking_figures", "visitors", "inbound"),
            *("deleted", "counters", "orphans", "workers", "audit", "submission_keys", "traces"),
        ),
        0,
    )
    assert done["store_bytes"]["after"] > 0
    assert "delivery logs" in files("prune", "--dry-run").out
    assert files("prune", "--older-than", "3d").code == 2
    assert files("prune", "--older-than", "long", "--kind", "audit").code == 2
