"""``mtalab addresses``: list, release, denylist, allow, import, export."""

import pytest

from lab.configuration import load
from lab.stores import store_of
from mail.reason import FailureType, Reason
from store import addresses

FAILED = [
    ("out1@big.test", FailureType.HARD, Reason.USER_UNKNOWN, "5.1.1 outage 17"),
    ("out2@big.test", FailureType.HARD, Reason.USER_UNKNOWN, "5.1.1 outage 18"),
    ("gone@big.test", FailureType.HARD, Reason.USER_UNKNOWN, "5.1.1 who?"),
    ("out3@small.test", FailureType.HARD, Reason.USER_UNKNOWN, "5.1.1 outage 19"),
    ("full@big.test", FailureType.SOFT, Reason.MAILBOX_FULL, "5.2.2 full"),
]


@pytest.fixture
def failed(lab):
    """A lab in which five addresses failed, a second after the other."""
    errors = [
        addresses.AddressError(address, failure, reason, text, 7, 1000.0 + n)
        for n, (address, failure, reason, text) in enumerate(FAILED)
    ]
    loaded = load(None, {})
    store = store_of(loaded)
    store.write_now(addresses.count_errors, errors)
    store.close()
    return lab


def statuses(lab):
    found = lab("addresses", "list", "--json").json["addresses"]
    return {each["address"]: each["status"] for each in found}


def test_the_list_is_filtered_counted_and_paged(failed):
    found = failed("addresses", "list", "-s", "quarantined", "-n", "2", "--json").json
    assert [each["address"] for each in found["addresses"]] == ["out3@small.test", "gone@big.test"]
    assert found["matching"] == 4
    assert found["counts"]["with_errors"] == 1
    following = failed(
        "addresses", "list", "-s", "quarantined", "--after", "gone@big.test", "--json"
    ).json
    assert [each["address"] for each in following["addresses"]] == [
        "out2@big.test",
        "out1@big.test",
    ]
    assert "out3@small.test" in failed("addresses", "list").out


def test_one_address_is_shown_and_an_unknown_one_is_refused(failed):
    assert failed("addresses", "show", "full@BIG.test", "--json").json == {
        "address": "full@big.test",
        "status": "with_errors",
        "errors": 1,
        "reason": "mailbox_full",
        "text": "5.2.2 full",
        "delivery": 7,
        "at": 1004.0,
    }
    unknown = failed("addresses", "show", "FULL@big.test")
    assert unknown.code == 2
    assert "nothing is known of FULL@big.test" in unknown.err


def test_after_an_outage_addresses_are_released_by_text_domain_and_time(failed):
    chosen = (
        "--text",
        "*OUTAGE*",
        "--domain",
        "BIG.test",
        "--until",
        "1970-01-01T00:16:41.5+00:00",
    )
    dry = failed("addresses", "release", *chosen, "--dry-run", "--json").json
    assert dry == {"released": 0, "matching": 2, "dry_run": True}
    assert "valid" not in statuses(failed).values()
    done = failed("addresses", "release", *chosen, "--json").json
    assert done == {"released": 2, "matching": 2, "dry_run": False}
    valid = {each for each, status in statuses(failed).items() if status == "valid"}
    assert valid == {"out1@big.test", "out2@big.test"}
    assert "2 addresses were released" in failed("audit").out


def test_a_release_in_bulk_says_which_and_leaves_the_denylist_alone(failed):
    assert failed("addresses", "release").code == 2
    failed("addresses", "denylist", "gone@big.test", "--because", "asked for it")
    failed("addresses", "release", "--domain", "big.test")
    assert statuses(failed)["gone@big.test"] == "denylisted"
    assert failed("addresses", "release", "gone@big.test", "out3@small.test").code == 0
    assert set(statuses(failed).values()) == {"valid"}


def test_a_release_of_what_is_valid_already_releases_nothing(failed):
    failed("addresses", "denylist", "gone@big.test")
    done = failed("addresses", "release", "--status", "valid", "--domain", "big.test", "--json")
    assert done.json["released"] == 0
    assert statuses(failed)["gone@big.test"] == "denylisted"


def test_denylisted_and_quarantined_ones_are_left_out_and_told_apart(lab):
    people = lab("addresses", "denylist", "a@gmail.test", "--json").json
    assert people == {"addresses": 1, "changed": 1, "status": "denylisted"}
    assert lab("addresses", "denylist", "a@gmail.test", "--json").json["changed"] == 0
    lab("addresses", "allow", "b@gmail.test")
    assert statuses(lab) == {"a@gmail.test": "denylisted", "b@gmail.test": "allowlisted"}


def test_what_is_exported_is_imported_again(failed, tmp_path):
    for name in ("all.csv", "all.jsonl"):
        assert failed("addresses", "export", name).code == 0
        before = failed("addresses", "list", "--json").json
        failed("addresses", "release", *before["addresses"][0]["address"].split())
        done = failed("addresses", "import", name, "--json").json
        assert done["imported"] == 5
        assert failed("addresses", "list", "--json").json == before
    assert (tmp_path / "all.csv").read_text().count("\n") == 6


def test_bad_rows_are_told_by_line_and_nothing_is_imported(lab, tmp_path):
    (tmp_path / "bad.csv").write_text(
        "address,status,errors,reason\n"
        "a@a.test,denylisted,0,\n"
        "no address,denylisted,0,\n"
        "b@a.test,forgotten,0,\n"
        "c@a.test,,many,\n"
        "d@a.test,,,because\n"
    )
    done = lab("addresses", "import", "bad.csv")
    assert done.code == 2
    assert "4 of its rows" in done.err
    for line in (3, 4, 5, 6):
        assert f"bad.csv:{line}" in done.err
    assert statuses(lab) == {}


def test_rows_without_a_status_get_the_one_that_was_asked_for(lab, tmp_path):
    (tmp_path / "some.txt").write_text("email\nA@x.test\nb@X.test\n")
    assert lab("addresses", "import", "some.txt", "-s", "quarantined").code == 0
    assert statuses(lab) == {"A@x.test": "quarantined", "b@x.test": "quarantined"}
