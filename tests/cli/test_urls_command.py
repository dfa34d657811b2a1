"""urls, tracking-key and what submit says of tracked links, through their own entry point."""

import pytest

SUBMIT = ("submit", "--affinity", "promo", "--recipients", "people.csv", "--hold")
MAIL = (
    "From: a@shop.example\nSubject: x\nContent-Type: text/html\n\n"
    '<a href="https://shop.test/?n={{ first_name }}">Shop</a> <a href="javascript:x">y</a>\n'
)


@pytest.fixture
def submit(lab, tmp_path):
    (tmp_path / "links.eml").write_text(MAIL)
    return lambda *more: lab(*SUBMIT, "--message", "links.eml", *more)


def test_submit_lists_what_is_tracked_and_warns_of_what_is_not(submit):
    done = submit("--json")
    assert [(each["number"], each["kind"], each["mode"]) for each in done.json["urls"]] == [
        (1, "open", "enabled"),
        (2, "opt_out", "opt_out"),
        (3, "click", "enabled"),
    ]
    assert done.json["urls"][2]["url"] == "https://shop.test/?n={{ first_name }}"
    assert "javascript:x is not tracked" in done.json["warnings"][0]
    assert "https://shop.test/?n={{ first_name }}" in submit("--display-urls").out
    out = submit("--display-urls", "--no-tracking").out
    assert "no URL is tracked" in out


def test_a_url_is_changed_before_its_delivery_begins(lab, submit):
    submit()
    done = lab("urls", "set", 1, 3, "--mode", "always", "--label", "Home", "--json")
    assert (done.json["mode"], done.json["label"]) == ("always", "Home")
    assert lab("urls", 1, "--json").json[2] == done.json
    assert "Home" in lab("urls", 1).out
    assert submit("--json").json["urls"][2] == done.json
    remembered = lab("urls", "remembered", "--json").json
    assert [each["label"] for each in remembered["urls"]] == ["Home"]
    assert "Home" in lab("urls", "remembered").out
    url = done.json["url"]
    assert lab("urls", "remembered", "--forget", url).out == "1 forgotten, 0 remembered\n"
    assert lab("urls", "remembered", "--forget", url).code == 1


def test_what_cannot_be_done_to_urls_is_refused(lab, submit):
    submit()
    submit("--no-tracking")
    for words, said in (
        (("urls", 2), "delivery 2 is not tracked"),
        (("urls", 9), "there is no delivery 9"),
        (("urls", "set", 1, 3), "nothing is to be changed"),
        (("urls", "set", 1, 3, "--mode", "often"), "there is no mode 'often'"),
        (("urls", "set", 1, 1, "--mode", "never"), "its mode cannot be changed"),
    ):
        done = lab(*words)
        assert (done.code, said in done.err) == (2, True)


def test_keys_are_made_rotated_and_withdrawn(lab, submit):
    assert "there is no key yet" in lab("tracking-key", "list").out
    submit()
    assert [each["key"] for each in lab("tracking-key", "list", "--json").json] == [1]
    assert [each["key"] for each in lab("tracking-key", "rotate", "--json").json] == [2, 1]
    assert lab("tracking-key", "list").out.splitlines()[1].endswith("opens links")
    assert [each["key"] for each in lab("tracking-key", "withdraw", "--json").json] == [2]


def test_too_many_links_are_refused_whole(lab, tmp_path):
    links = "".join(f"https://shop.test/{n}\n" for n in range(10_001))
    (tmp_path / "many.eml").write_text(f"From: a@shop.example\nSubject: x\n\n{links}")
    done = lab(*SUBMIT, "--message", "many.eml")
    assert done.code == 2
    assert "up to 10000 are tracked" in done.err
    assert lab("deliveries", "--json").json == []
