"""``mtalab bounces texts, qualify, judge, rules check``."""

import pytest

from lab.configuration import load
from lab.stores import store_of
from mail.reason import FailureType, Reason
from store import failure_texts
from store.failure_texts import Seen

ODD = "4.0.0 <ann@a.test> is shy, code 1234"
NAME = 'name = "user-unknown"'
NOT_DEFINED = (FailureType.UNDEFINED, Reason.NOT_DEFINED, "unknown")


@pytest.fixture
def seen(lab):
    """A lab in which three texts were said, one of them by no server."""
    said = [Seen(550, ODD, *NOT_DEFINED), Seen(550, ODD.replace("ann", "bob"), *NOT_DEFINED)]
    said += [Seen(None, "odd end of 'it'", *NOT_DEFINED)]
    said += [Seen(550, "5.1.1 who?", FailureType.HARD, Reason.USER_UNKNOWN, "user-unknown")] * 5
    store = store_of(load(None, {}))
    store.write_now(failure_texts.count, said, 1000.0)
    store.close()
    return lab


def key_of(lab, word):
    found = lab("bounces", "texts", "--json").json
    (key,) = [each["key"] for each in found if word in each["text"]]
    return key


def test_texts_are_listed_by_how_often_they_came(seen):
    found = seen("bounces", "texts", "--json").json
    assert [(each["occurrences"], each["status"]) for each in found] == [
        (5, "keep"),
        (2, "to_qualify"),
        (1, "to_qualify"),
    ]
    assert found[1]["text"] == "4.0.0 * is shy, code #xxx#"
    assert found[1]["first_text"] == ODD
    listed = seen("bounces", "texts", "--status", "to_qualify").out
    assert "is shy" in listed
    assert "who?" not in listed


def test_a_qualified_text_is_judged_by_its_rule_from_then_on(seen, tmp_path):
    before = seen("bounces", "judge", f"550 {ODD}", "--json").json
    assert (before["reason"], before["rule"]) == ("not_defined", "unknown")
    key = key_of(seen, "shy")
    done = seen(
        "bounces", "qualify", key[:5], "--reason", "refused", "--failure", "soft", "--json"
    ).json
    assert done["status"] == "keep"
    assert done["rule"] == f"text-{key}"
    other = ODD.replace("ann", "eve").replace("1234", "77")
    after = seen("bounces", "judge", f"550 {other}", "--json").json
    assert (after["failure"], after["reason"], after["rule"]) == ("soft", "refused", done["rule"])
    assert after["asks"]["code"] == ["550"]
    assert seen("bounces", "judge", f"450 {other}", "--json").json["rule"] != done["rule"]
    assert seen("bounces", "rules", "check", "bounce_rules.toml").code == 0
    assert key in seen("audit").out


def test_a_text_is_qualified_anew_in_place_and_other_rules_stay(seen, tmp_path):
    file = tmp_path / "bounce_rules.toml"
    mine = '[[rule]]\nname = "mine"\ntext = "shy"\nfailure = "hard"\nreason = "user_unknown"\n'
    file.write_text(f"# mine\n{mine}")
    key = key_of(seen, "shy")
    for failure in ("soft", "undefined"):
        seen("bounces", "qualify", key, "--reason", "refused", "--failure", failure)
    assert file.read_text().count(f"text-{key}") == 1
    assert file.read_text().startswith(f"# mine\n{mine}")
    assert seen("bounces", "judge", f"550 {ODD}", "--json").json["rule"] == "mine"
    assert seen("bounces", "rules", "check", str(file), "--json").json["rules"] == 2
    assert seen("bounces", "qualify", key, "--keep").code == 0
    assert f"text-{key}" not in file.read_text()
    assert mine in file.read_text()


def test_what_is_ignored_never_counts(seen):
    key = key_of(seen, "odd end")
    assert seen("bounces", "qualify", key, "--ignore", "--json").json["status"] == "ignore"
    found = seen("bounces", "judge", "odd end of 'it'", "--stage", "data", "--json").json
    assert (found["failure"], found["reason"]) == ("ignored", "error_ignored")
    assert found["event"] == "deferred"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--reason", "refused"),
        ("--failure", "soft"),
        ("--keep", "--ignore"),
        ("--keep", "--reason", "refused", "--failure", "soft"),
        ("--reason", "refused", "--failure", "hard", "--retry"),
        ("--reason", "no_such", "--failure", "hard"),
    ],
)
def test_options_must_say_one_thing(seen, tmp_path, words):
    assert seen("bounces", "qualify", key_of(seen, "shy"), *words).code == 2
    assert not (tmp_path / "bounce_rules.toml").exists()


def test_an_unknown_key_is_refused(seen):
    done = seen("bounces", "qualify", "zzz", "--keep")
    assert done.code == 2
    assert "no text has 'zzz'" in done.err


def test_a_bad_file_of_rules_is_told_with_its_line(lab, tmp_path):
    file = tmp_path / "r.toml"
    file.write_text('[[rule]]\nname = "x"\ntext = "("\nfailure = "soft"\nreason = "refused"\n')
    done = lab("bounces", "rules", "check", "r.toml")
    assert done.code == 2
    assert "r.toml:3" in done.err
    file.write_text(
        '[[rule]]\nname = "user-unknown"\ntext = "x"\nfailure = "soft"\nreason = "refused"\n'
    )
    done = lab("bounces", "rules", "check", "r.toml")
    assert "like one that comes with the program" in done.err
    assert lab("bounces", "rules", "check", "none.toml").code == 2


def test_a_lab_with_bad_rules_of_its_own_does_not_start_with_others(lab, tmp_path):
    (tmp_path / "bounce_rules.toml").write_text("[[rule]]\n")
    done = lab("config", "check")
    assert done.code == 2
    assert "bounce_rules.toml" in done.err


def test_the_judge_says_in_words_which_rule_fires_and_what_it_asks_for(lab):
    done = lab("bounces", "judge", "550 5.1.1 user unknown")
    assert done.out.splitlines()[:2] == ["refused: hard, user_unknown", "rule user-unknown"]
    assert "enhanced" in done.out
    assert lab("bounces", "judge", "250 fine", "--json").json["rule"] == "nonsense"
