"""The configuration is shown without passwords, and changed by its keys: all of it or nothing."""

import tomllib

import pytest

from lab.editing.shown import without_passwords
from store import audit
from tests.fakes.changeable_lab import changeable

PATH = "/api/v1/configuration"


@pytest.fixture
def own(tmp_path):
    with changeable(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """One for those that change nothing."""
    with changeable(tmp_path_factory.mktemp("own")) as found:
        yield found


def test_it_is_shown(own):
    found = own.client.get(PATH).json()
    assert found["file"] == "mtalab.toml"
    assert found["text"] == own.lab.loaded.path.read_text()
    assert found["in_force"] is True
    assert found["values"]["mta"]["promo1"]["affinities"] == ["promo"]


def test_keys_are_set_and_removed_and_comments_stay(own):
    file = own.lab.loaded.path
    file.chmod(0o640)
    before = file.read_text()
    wanted = {
        "mta.promo1.affinities": ["promo", "service"],
        "affinity.promo.ip.2.exclude": None,
        "affinity.news": {"ip": [{"address": "127.0.3.1"}]},
    }
    answer = own.client.post(PATH, json={"set": wanted})
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert done["processes"] == []
    assert not done["ok"], "nothing runs that could follow"
    assert {each["key"]: each["before"] for each in done["changed"]} == {
        "mta.promo1.affinities": ["promo"],
        "affinity.promo.ip.2.exclude": ["orange.*"],
        "affinity.news": None,
    }
    assert own.lab.read(audit.entries, limit=1)[0].text == (
        "mtalab.toml was changed by the page or API: " + ", ".join(wanted)
    )
    text = file.read_text()
    values = tomllib.loads(text)
    assert values["mta"]["promo1"]["affinities"] == ["promo", "service"]
    assert "exclude" not in values["affinity"]["promo"]["ip"][2]
    assert values["affinity"]["news"]["ip"] == [{"address": "127.0.3.1"}]
    comments = [each for each in before.splitlines() if each.startswith("#")]
    assert [each for each in text.splitlines() if each.startswith("#")] == comments
    assert text.startswith(before[: before.index("affinities = [")])
    assert file.stat().st_mode & 0o777 == 0o640
    assert own.client.get(PATH).json()["in_force"] is False
    again = own.client.post(PATH, json={"set": {"mta.promo1.workers": 2}}).json()
    assert again["changed"] == []


@pytest.mark.parametrize(
    ("wanted", "kind", "said"),
    [
        ({"mta.promo1.workers": "many"}, "not_valid", "mta.promo1.workers"),
        ({"mta.promo1.colour": 1, "mta.promo1.workers": 5}, "not_valid", "colour"),
        ({"mta.promo1.shade": None}, "no_such_key", "mta.promo1.shade"),
        ({"": 1}, "no_such_key", "''"),
        ({"affinity.promo.ip.7.weight": 1}, "no_such_key", "affinity.promo.ip.7.weight"),
        ({"lab.name": {"a": None}}, "not_writable", "null"),
        ({"affinity.promo.ip.0.include": ["nobody.*"]}, "", ""),
        ({"route.gmail.sink": "nowhere"}, "cannot_work", "nowhere"),
    ],
)
def test_what_would_not_work_is_refused_whole(refusing, wanted, kind, said):
    before = refusing.lab.loaded.path.read_text()
    answer = refusing.client.post(PATH, json={"set": wanted})
    if not kind:
        assert answer.status_code == 200, "a warning is no reason"
        refusing.lab.loaded.path.write_text(before)
        return
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == f"urn:mtalab:problem:{kind}"
    assert said in answer.json()["detail"]
    assert refusing.lab.loaded.path.read_text() == before
    assert [each.name for each in refusing.lab.loaded.path.parent.glob(".mtalab.toml*")] == []


def test_errors_that_were_there_before_do_not_bind_hands(own):
    file = own.lab.loaded.path
    file.write_text(file.read_text().replace('sink = "orange"', 'sink = "nowhere"'))
    assert own.client.post(PATH, json={"set": {"mta.promo1.workers": 3}}).status_code == 200
    file.write_text("not = = toml")
    broken = own.client.post(PATH, json={"set": {"mta.promo1.workers": 3}})
    assert broken.status_code == 422
    assert broken.json()["type"] == "urn:mtalab:problem:not_valid"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+psycopg://ann:pa:ss/w@db/x", "postgresql+psycopg://ann:***@db/x"),
        ('store = "postgresql://db/x?user=a&password=b" # c', None),
        (
            'url = "http://127.0.0.1:80/x" # mail me@here',
            'url = "http://127.0.0.1:80/x" # mail me@here',
        ),
    ],
)
def test_passwords_are_not_shown(text, shown):
    found = without_passwords({"a": [text]})["a"][0]
    assert found == (shown or text.replace("=b", "=***"))
