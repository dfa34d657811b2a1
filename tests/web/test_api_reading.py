"""What the API answers about a lab: each kind of thing, its pages, what it refuses."""

import pytest

from mail.states import MessageStatus


def ask(served, path, **params):
    answer = served.client.get("/api/v1" + path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def problem(served, path, **params):
    answer = served.client.get("/api/v1" + path, params=params)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found = answer.json()
    assert found["status"] == answer.status_code
    return found


def test_deliveries_are_read_page_by_page(served):
    first = ask(served, "/deliveries", limit=2)
    assert [each["delivery"] for each in first["deliveries"]] == [3, 2]
    second = ask(served, "/deliveries", limit=2, cursor=first["next"])
    assert [each["delivery"] for each in second["deliveries"]] == [1]
    assert second["next"] is None


def test_one_delivery_with_its_counts(served):
    found = ask(served, "/deliveries/2")
    assert found["messages"] == found["counts"]["pending"] == 30
    assert problem(served, "/deliveries/99")["type"] == "urn:mtalab:problem:unknown_delivery"
    assert problem(served, "/deliveries/0")["status"] == 422


def test_every_message_is_listed_once_over_pages(served):
    seen, cursor = [], None
    while True:
        params = {"limit": 13} | ({} if cursor is None else {"cursor": cursor})
        found = ask(served, "/log", delivery=1, **params)
        seen += [each["id"] for each in found["messages"]]
        cursor = found["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 60
    assert seen == sorted(seen, reverse=True)


def test_the_log_is_narrowed(served):
    pending = ask(served, "/log", status="pending", limit=1000)["messages"]
    assert {each["status"] for each in pending} == {"pending"}
    assert {each["delivery_id"] for each in pending} == {2, 3}
    found = ask(served, "/log", domain="full.*", reason="mailbox_full")["messages"]
    assert len(found) == 20
    assert not ask(served, "/log", since="1970-01-02", until="1970-01-03")["messages"]


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({"since": "soon"}, "'soon' is no time"),
        ({"reason": "weather"}, "there is no reason 'weather'"),
        ({"limit": 0}, "query.limit"),
        ({"status": "lost"}, "query.status"),
        ({"until": "1e400"}, "is no time"),
    ],
)
def test_a_bad_question_is_refused_with_words(served, params, what):
    found = problem(served, "/log", **params)
    assert found["status"] == 422
    assert what in found["detail"]


def test_a_message_tells_its_way(served):
    last = ask(served, "/log", delivery=3, limit=1)["messages"][0]
    found = ask(served, f"/log/{last['id']}")
    assert found["transitions"][-1]["to_status"] == found["status"] == MessageStatus.PENDING
    why = ask(served, f"/log/{last['id']}/why")
    assert why["message"]["id"] == last["id"]
    assert problem(served, "/log/999999")["status"] == 404


def test_transitions_are_read_page_by_page(served):
    first = ask(served, "/transitions", delivery=3, limit=5)
    second = ask(served, "/transitions", delivery=3, limit=5, cursor=first["next"])
    numbers = [each["id"] for each in first["transitions"] + second["transitions"]]
    assert numbers == sorted(set(numbers), reverse=True)


def test_why_names_the_cause(served):
    found = ask(served, "/why", delivery=2)
    assert [each["cause"] for each in found["groups"]] == ["affinity_not_configured"]


def test_the_queue_now_and_then(served):
    now = ask(served, "/queue", by="cause")
    then = ask(served, "/queue", as_of="90m")
    assert now["total"] == 50
    assert then["past"]
    assert then["at"] < now["at"]
    assert problem(served, "/queue", as_of="2999-01-01")["status"] == 422


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/status", "modules"),
        ("/lanes", "lanes"),
        ("/instances", "instances"),
        ("/lint", "findings"),
        ("/affinities", "affinities"),
        ("/sinks", "sinks"),
        ("/personalities", "personalities"),
        ("/tracking", "entries"),
        ("/bounces", "bounces"),
        ("/audit", "entries"),
        ("/addresses", "addresses"),
        ("/reports", "reports"),
        ("/deliveries/1/urls", "urls"),
    ],
)
def test_each_list_has_something_of_this_lab(served, path, key):
    assert ask(served, path)[key]


def test_which_ip_an_address_would_use(served):
    found = ask(served, "/affinities/promo/choose", address="ann@home.test")
    shares = {each["source_ip"]: each["share"] for each in found["shares"]}
    assert shares == {"127.0.1.1": pytest.approx(2 / 3), "127.0.1.2": pytest.approx(1 / 3)}
    assert problem(served, "/affinities/none/choose", address="a@b.test")["status"] == 404
    assert problem(served, "/affinities/promo/choose", address="a@b c")["status"] == 422


def test_every_report_of_the_catalogue(served):
    for each in ask(served, "/reports")["reports"]:
        params = {} if each["of"] == "lab" else {"delivery": 1}
        found = ask(served, f"/reports/{each['name']}", explain=True, **params)
        assert found["report"] == each["name"]
        text = served.client.get(
            f"/api/v1/reports/{each['name']}", params={**params, "format": "csv"}
        )
        assert text.headers["content-type"].startswith("text/csv")
    assert problem(served, "/reports/weather")["status"] == 404


def test_words_are_found(served):
    assert [each["delivery"] for each in ask(served, "/find", q="STUCK")["deliveries"]] == [2]
    one = ask(served, "/log", delivery=1, limit=1)["messages"][0]
    assert ask(served, "/find", q=one["address"])["messages"][0]["id"] == one["id"]
    assert ask(served, "/find", q=str(one["id"]))["messages"][0] == one
    assert ask(served, "/find", q="100%")["deliveries"] == []


def test_a_kept_lab_is_only_looked_at(served):
    answer = served.client.post("/api/v1/addresses/release", json={"domain": "home.test"})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:mtalab:problem:only_to_look_at"
