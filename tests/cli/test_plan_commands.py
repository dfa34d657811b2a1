"""plan and replan: what a change would do, and having it done where no scheduler runs."""

from pathlib import Path

import pytest

from store import queues, replan
from store.schema import open_store


@pytest.fixture
def queued(lab):
    """A folder with a delivery to three domains, and no lab that runs."""
    Path("people.csv").write_text(
        "address\nu@gmail.test\nv@gmail.test\nu@yahoo.test\nu@orange.test\n"
    )
    Path("mail.eml").write_text("From: a@shop.example\nSubject: x\n\nHello\n")
    done = lab("submit", "--message", "mail.eml", "--recipients", "people.csv", "-a", "promo")
    assert done.code == 0, done.err
    return lab


@pytest.fixture
def store(queued):
    opened = open_store("sqlite:///.mtalab/lab.db")
    yield opened
    opened.close()


def change(*texts, to="new.toml"):
    """The configuration with texts replaced, beside it or in its place."""
    text = Path("mtalab.toml").read_text()
    for old, new in zip(texts[::2], texts[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    Path(to).write_text(text)


def test_the_same_configuration_changes_nothing(queued):
    assert queued("plan").out == "4 messages are queued; by mtalab.toml 0 of them change\n"
    found = queued("plan", "mtalab.toml", "--json").json
    assert found.pop("file") == found.pop("new") == str(Path("mtalab.toml").absolute())
    effects = ("stuck", "freed", "cause", "mx_group", "source_ips", "lanes", "limits")
    assert found == {
        "ok": True,
        "pending": 4,
        "changed": 0,
        "messages": dict.fromkeys(effects, 0),
        "causes": {},
        "changes": [],
    }


def test_what_changes_is_told_by_delivery_and_domain(queued):
    change('"127.0.1.1"', '"127.0.1.7"', '"orange.test"', '"orange.example"')
    before = Path(".mtalab/lab.db").read_bytes()
    done = queued("plan", "new.toml")
    assert done.code == 1, "some mail would become stuck"
    assert "4 messages are queued; by new.toml 4 of them change\n" in done.out
    assert (
        "source IPs 127.0.1.1, 127.0.1.2, 127.0.1.3 → 127.0.1.2, 127.0.1.3, 127.0.1.7" in done.out
    )
    assert "1 become stuck: no_mx 1\n" in done.out
    assert "4 change source IPs\n" in done.out
    assert Path(".mtalab/lab.db").read_bytes() == before
    found = queued("plan", "new.toml", "--json").json
    assert (found["ok"], found["changed"], found["causes"]) == (False, 4, {"no_mx": 1})
    (stuck,) = [each for each in found["changes"] if "stuck" in each["effects"]]
    assert (stuck["delivery"], stuck["domain"], stuck["messages"]) == (1, "orange.test", 1)
    assert stuck["before"]["cause"] is None
    assert stuck["after"] == {
        "mx_group": "orange.test",
        "source_ips": [],
        "lanes": [],
        "cause": "no_mx",
        "max_connections": 10,
        "max_messages_per_connection": 100,
        "messages_per_hour": None,
        "tls": "opportunistic",
    }
    gmail = next(each for each in found["changes"] if each["domain"] == "gmail.test")
    assert gmail["messages"] == 2
    assert gmail["after"]["lanes"] == ["127.0.1.2>gmail", "127.0.1.3>gmail", "127.0.1.7>gmail"]


def test_lanes_limits_and_freedom_are_told_in_words(queued):
    change("messages_per_hour = 36000", "messages_per_hour = 50\nshared = true")
    done = queued("plan", "new.toml")
    assert "lanes 127.0.1.1>gmail, 127.0.1.2>gmail, 127.0.1.3>gmail → *>gmail" in done.out
    change("max_connections = 10", "max_connections = 5")
    done = queued("plan", "new.toml")
    assert "limits: max_connections 10 → 5" in done.out
    assert done.code == 0
    change(
        'affinities = ["promo"]', 'affinities = ["service"]', '["service", "promo"]', '["service"]'
    )
    Path("new.toml").rename("stuck.toml")
    assert "stuck: affinity_not_configured" in queued("plan", "stuck.toml").out
    assert (
        "free, was affinity_not_configured" in queued("plan", "mtalab.toml", "-c", "stuck.toml").out
    )


def test_addresses_that_this_machine_does_not_have_hold_mail_up(queued):
    far = [f'"203.0.113.{n}"' for n in (1, 2, 3)]
    near = [f'"127.0.1.{n}"' for n in (1, 2, 3)]
    change(*(each for pair in zip(near, far, strict=True) for each in pair))
    assert queued("plan", "new.toml", "--json").json["causes"] == {"source_ip_unavailable": 4}


def test_many_lines_are_cut_short(queued, monkeypatch):
    monkeypatch.setattr("lab.cli.plan.ROWS_MAX", 1)
    change('"127.0.1.1"', '"127.0.1.7"')
    assert "and 1 lines more; --json has all" in queued("plan", "new.toml").out


def test_a_configuration_that_is_not_valid_is_no_plan(queued):
    Path("new.toml").write_text("validity = 'soon'")
    assert queued("plan", "new.toml").code == 2
    assert queued("plan", "nowhere.toml").code == 2


def test_where_no_scheduler_runs_mail_is_planned_anew_by_hand(queued, store):
    assert queued("replan").out == "all queued mail is planned as the configuration says\n"
    change('"127.0.1.1"', '"127.0.1.7"', to="mtalab.toml")
    found = queued("plan", "--json").json
    assert (found["changed"], found["messages"]["source_ips"]) == (4, 4)
    done = queued("replan", "--json")
    assert (done.code, done.json) == (
        0,
        {
            "ok": True,
            "by": "hand",
            "found": {"plans": 3, "deliveries": 0},
            "messages": 4,
            "left": {"plans": 0, "deliveries": 0},
            "why": "",
        },
    )
    assert {each.source_ips for each in store.read_now(replan.planned, 1)} == {
        ("127.0.1.2", "127.0.1.3", "127.0.1.7"),
        ("127.0.1.2", "127.0.1.7"),
    }
    assert sum(each.messages for each in store.read_now(queues.waiting)) == 4
    assert "planned anew by hand by" in queued("audit").out
    assert queued("replan", "--json").json["by"] is None


def test_beside_a_scheduler_that_goes_by_another_file_nothing_is_written(queued, store):
    change('"127.0.1.1"', '"127.0.1.7"', to="mtalab.toml")
    leadership = store.try_lead()
    before = store.read_now(replan.planned, 1)
    done = queued("replan", "--within", "300ms")
    assert done.code == 1
    assert done.out.startswith("3 domains of deliveries are not planned by the configuration: ")
    assert "it goes by another configuration" in done.out
    assert store.read_now(replan.planned, 1) == before
    leadership.release()
    assert queued("replan").out == "planned anew: 3 domains of deliveries, 4 messages\n"
