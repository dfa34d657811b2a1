"""Deliveries are submitted by JSON, by a form with files, by a message as the body; or refused."""

import json

import httpx
import pytest

from store import deliveries, idempotency
from tests.fakes.changeable_lab import STARTER, changeable

PATH = "/api/v1/deliveries"
MAIL = (STARTER / "mail.eml").read_bytes()
PEOPLE = (STARTER / "people.csv").read_bytes()
ANN = {"address": "ann@gmail.test", "first_name": "Ann", "city": "Lyon"}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    with changeable(tmp_path_factory.mktemp("own")) as found:
        yield found


def as_json(**changed):
    message = {"from": "Shop <a@shop.example>", "subject": "Hé {{ first_name }}", "text": "Hello"}
    return {"affinity": "promo", "message": message, "recipients": [ANN]} | changed


def send(own, status=201, headers=None, **changed):
    answer = own.client.post(PATH, json=as_json(**changed), headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def count(own):
    return len(own.lab.read(deliveries.find, limit=1000))


def test_json_with_a_letter(own):
    answer = own.client.post(PATH, json=as_json(label="spring", priority="high", at="+1h"))
    assert answer.status_code == 201
    done = answer.json()
    assert answer.headers["location"] == f"{PATH}/{done['delivery']}"
    found = own.client.get(answer.headers["location"]).json()
    assert (found["label"], found["priority"], found["status"]) == ("spring", 10, "start_pending")
    assert 3590 < found["contact_at"] - found["submitted_at"] <= 3600
    assert done["messages"] == 1
    assert done["rejects"] == []
    assert {each["severity"] for each in done["findings"]} <= {"error", "warning"}


def test_json_with_a_source(own):
    done = send(own, message={"source": MAIL.decode()}, hold=True, affinity="nobody")
    assert done["held"]
    assert any("no affinity 'nobody' is configured" in each for each in done["warnings"])
    found = own.client.get(f"{PATH}/{done['delivery']}").json()
    assert found["label"], "its subject"
    assert found["status"] == "ready"


def test_a_letter_is_a_source_of_both_parts(own):
    message = {
        "from": "Zoë <zoe@shop.example>",
        "subject": "Größe {{ first_name }}",
        "text": "Hello\r\nthere",
        "html": "<p>Hello</p>",
        "headers": {"Reply-To": "a@shop.example"},
    }
    done = send(own, message=message)
    name, source = own.lab.read(deliveries.source_of, done["delivery"])
    assert name == "message"
    text = source.decode()
    assert "Subject: Größe {{ first_name }}\nReply-To: a@shop.example\n" in text
    assert "multipart/alternative" in text
    assert "Hello\nthere\n--part-" in text


def test_a_form_with_files(own):
    files = {"message": ("mail.eml", MAIL), "recipients": ("C:\\x\\people.csv", PEOPLE)}
    fields = {"affinity": "promo", "waves": "50%:1h", "track": "false", "label": ""}
    answer = own.client.post(PATH, data=fields, files=files)
    assert answer.status_code == 201, answer.text
    assert len(answer.json()["waves"]) == 2
    assert own.lab.read(deliveries.source_of, answer.json()["delivery"]) == ("mail.eml", MAIL)


def test_a_form_with_pasted_lines(own):
    fields = {
        "affinity": "promo",
        "from": "a@shop.example",
        "subject": "Hi",
        "text": "Hello",
        "recipients": "ann@gmail.test\r\n\r\nbob@yahoo.test\r\n",
    }
    answer = own.client.post(PATH, data=fields, files={"none": ("", b"")})
    assert answer.status_code == 201, answer.text
    assert answer.json()["messages"] == 2


def test_a_message_as_the_body(own):
    answer = own.client.post(
        PATH,
        content=b"From: a@shop.example\r\nSubject: Hi\r\n\r\nHello\r\n",
        params={"affinity": "promo", "to": ["a@gmail.test", "b@gmail.test"], "hold": "true"},
        headers={"Content-Type": "message/rfc822; charset=utf-8"},
    )
    assert answer.status_code == 201, answer.text
    assert (answer.json()["messages"], answer.json()["held"]) == (2, True)


def test_bad_rows_are_told_by_their_place(own):
    before = count(own)
    found = send(own, 422, recipients=[ANN, {"address": "no one"}, {"name": "x"}])
    assert found["type"] == "urn:mtalab:problem:bad_recipients"
    assert [each["where"] for each in found["errors"]] == ["recipients:2", "recipients:3"]
    assert "skip_bad_rows" in found["remedy"]
    assert count(own) == before
    done = send(own, recipients=[ANN, {"address": "no one"}], skip_bad_rows=True)
    assert done["rejected"] == 1
    assert done["rejects_file"] is None
    assert done["rejects"][0]["line"] == 2


@pytest.mark.parametrize(
    ("changed", "where", "said"),
    [
        ({"affinity": None}, "affinity", "valid string"),
        ({"colour": "red"}, "colour", "not permitted"),
        ({"recipients": []}, "recipients", "at least 1"),
        ({"at": "soon"}, "at", "'soon' is no time"),
        ({"at": "+soon"}, "at", "'soon' is no duration"),
        ({"at": "+1h", "contact_at": 1.0}, "at", "both given"),
        ({"waves": "much"}, "waves", "makes no waves"),
        ({"validity": "short"}, "validity", "is no duration"),
        ({"message": {"source": "no header"}}, "message:1", ""),
        ({"message": {"from": "a@b.test", "subject": "x"}}, "message", "neither a text nor a page"),
        (
            {"message": {"from": "a\nb", "subject": "x", "text": "x"}},
            "message: from",
            "holds a line end",
        ),
        (
            {"message": {"source": "From: a@b.test\nSubject: {{ colour }}\n\nx"}},
            "message:2",
            "colour",
        ),
    ],
)
def test_what_is_wrong_is_told_by_its_place_in_the_request(own, changed, where, said):
    before = count(own)
    found = send(own, 422, **changed)
    assert found["where"].startswith(where), found
    assert said in found["detail"]
    assert "--" not in found.get("remedy", "")
    assert "/tmp" not in str(found)
    assert count(own) == before


def test_half_a_character_is_refused(own):
    body = json.dumps(as_json(recipients=[ANN | {"city": "\ud800"}])).encode()
    answer = own.client.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert own.client.get("/livez").status_code == 200


def test_errors_of_the_message_refuse_it_where_that_is_asked(own):
    message = {"from": "a@shop.example", "subject": "x", "html": "<a href='javascript:x'>x</a>"}
    found = send(own, 422, message=message, checked=True)
    assert found["type"] == "urn:mtalab:problem:bad_message"
    assert all(each["severity"] == "error" for each in found["errors"])
    assert send(own, message=message)["findings"]


def test_other_contents_are_not_taken(own):
    answer = own.client.post(PATH, content=b"<x/>", headers={"Content-Type": "text/xml"})
    assert answer.status_code == 415
    answer = own.client.post(PATH, json=as_json(), params={"affinity": "promo"})
    assert answer.status_code == 422
    assert "options in the query" in answer.json()["detail"]
    answer = own.client.post(PATH, content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    answer = own.client.post(
        PATH, content=b"x", headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_without_length_ends_where_it_is_too_large(own):
    rules = own.service._rules
    own.service._rules = type(rules)(rules.hosts, rules.token, 2048)
    try:
        with httpx.Client() as client:
            answer = client.post(
                own.address + PATH,
                content=(b"x" * 1000 for _ in range(5)),
                headers={"Content-Type": "application/json"},
            )
    finally:
        own.service._rules = rules
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:mtalab:problem:too_large"


def test_a_key_makes_it_happen_once(own):
    before = count(own)
    headers = {"Idempotency-Key": "spring-1"}
    first = own.client.post(PATH, json=as_json(), headers=headers)
    again = own.client.post(PATH, json=as_json(), headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert count(own) == before + 1
    other = send(own, 422, headers, label="other")
    assert other["type"] == "urn:mtalab:problem:key_of_another"


def test_what_was_refused_leaves_the_key_free(own):
    headers = {"Idempotency-Key": "spring-2"}
    assert send(own, 422, headers, recipients=[{"address": "no one"}])
    assert send(own, 201, headers)["messages"] == 1


def test_a_form_sent_again_is_the_same_whatever_its_boundary(own):
    files = {"message": ("mail.eml", MAIL), "recipients": ("people.csv", PEOPLE)}
    answers = [
        own.client.post(
            PATH, data={"affinity": "promo"}, files=files, headers={"Idempotency-Key": "form"}
        )
        for _ in range(2)
    ]
    assert answers[1].headers["idempotent-replayed"] == "true"


def test_one_that_is_under_way_is_waited_for(own):
    given = own.lab.machine.this_process()
    own.lab.once._mine.add("other")
    holder = idempotency.Holder("other", given.host, given.pid)
    digest = _digest_of(as_json())
    own.lab.write(idempotency.claim, "slow", digest, holder, own.lab.now(), None)
    found = send(own, 409, {"Idempotency-Key": "slow"})
    assert found["type"] == "urn:mtalab:problem:key_in_use"
    own.lab.once._mine.discard("other")  # it has ended without a word
    assert send(own, 201, {"Idempotency-Key": "slow"})["messages"] == 1


def _digest_of(body):
    from lab.web.submission import Submission

    return Submission.model_validate(body).given().digest


def test_one_that_broke_off_half_way_is_taken_back_and_done(own):
    holder = idempotency.Holder("dead", own.lab.machine.this_process().host, 2**22 + 1)
    own.lab.write(idempotency.claim, "crash", _digest_of(as_json()), holder, own.lab.now(), None)
    now = own.lab.now()
    new = deliveries.NewDelivery("half", "promo", 0, 1, now, now, now + 60, "m", b"x")
    half = own.lab.write(deliveries.create, new)
    own.lab.write(idempotency.created, "crash", holder, half)
    done = send(own, 201, {"Idempotency-Key": "crash"})
    assert done["delivery"] != half
    assert own.lab.read(deliveries.get, half).status == "failed"


def test_answer_and_delivery_are_confirmed_together_or_not_at_all(own, monkeypatch):
    headers = {"Idempotency-Key": "together"}

    with monkeypatch.context() as patched:
        patched.setattr("store.idempotency.release", lambda *_: None)  # it died, and did not err
        patched.setattr("store.deliveries.discard", lambda *_: None)
        patched.setattr("lab.acting.once.Turn.answered", _broken)
        send(own, 503, headers)
    half = own.lab.read(deliveries.find, limit=1)[0]
    assert half.status == "editing"
    done = send(own, 201, headers)
    assert own.lab.read(deliveries.get, half.id).status == "failed"
    assert done["messages"] == 1


def _broken(*_):
    from store.errors import StoreUnavailable

    raise StoreUnavailable("the store is away")
