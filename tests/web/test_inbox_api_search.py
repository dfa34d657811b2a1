"""Mailpit's words to search with."""

import pytest

MAILS = {
    "red": "From: Ann <ann@shop.example>\nTo: one@home.test\nCc: carl@home.test\n"
    'Subject: Red "shoes"\nMessage-ID: <red@shop.example>\n\nA pair of scarlet ones\n',
    "blue": "From: Bob <bob@shop.example>\nTo: two@home.test\nSubject: Blue coats\n"
    "Reply-To: help@shop.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    "--b\nContent-Type: text/html\n\n<p>Warm <b>winter</b>&nbsp;coats</p>\n--b\n"
    'Content-Type: application/pdf\nContent-Disposition: attachment; filename="sizes.pdf"\n\nx\n'
    "--b--\n",
    "green": "From: Ann <ann@shop.example>\nTo: two@home.test\nSubject: Green hats\n"
    "X-Tags: Hats\n\nscarlet no more\n" + "long line of words\n" * 200,
}


@pytest.fixture(scope="module")
def found_in(inboxes):
    inboxes.ask("/messages", "DELETE")
    ids = {inboxes.deliver(mail): name for name, mail in MAILS.items()}
    inboxes.ask("/messages", "PUT", json={"IDs": list(ids)[:1], "Read": True})

    def search(query, **params):
        answer = inboxes.ask("/search", params={"query": query, **params})
        assert answer["messages_count"] == len(answer["messages"])
        return {ids[each["ID"]] for each in answer["messages"]}

    return search


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("scarlet", "red green"),
        ("SCARLET ones", "red"),
        ('"scarlet no more"', "green"),
        ("scarlet -ones", "green"),
        ("scarlet !green", "red"),
        ('-"scarlet no more"', "red blue"),
        ('"warm winter coats"', "blue"),
        ("sizes.pdf", "blue"),
        ("from:ann", "red green"),
        ("from:ann to:two", "green"),
        ("to:two@home.test", "blue green"),
        ("-to:two@home.test", "red"),
        ("cc:carl", "red"),
        ("bcc:you@home", "red blue green"),
        ("reply-to:help", "blue"),
        ("addressed:carl", "red"),
        ("subject:coats", "blue"),
        ('subject:"red shoes"', ""),
        ("subject:winter", ""),
        ("message-id:red@shop", "red"),
        ("tag:hats", "green"),
        ("-tag:hats", "red blue"),
        ("is:tagged", "green"),
        ("is:read", "red"),
        ("is:unread", "blue green"),
        ("has:attachment", "blue"),
        ("-has:attachments", "red green"),
        ("has:inline", ""),
        ("larger:2kb", "green"),
        ("smaller:2k", "red blue"),
        ("after:2020-01-01", "red blue green"),
        ("before:2020-01-01", ""),
        ("after:2999/01/01", ""),
        ("!before:2020-01-01", "red blue green"),
        ("-", "red blue green"),
        ("\t", None),
    ],
)
def test_words_find_what_they_should(found_in, inboxes, query, names):
    if names is None:
        answer = inboxes.client.get("/api/v1/search", params={"query": query})
        assert (answer.status_code, answer.text) == (400, "Error: no search query")
    else:
        assert found_in(query) == set(names.split())


def test_times_have_zones(found_in):
    assert found_in("after:2020-01-01T00:00", tz="Pacific/Auckland") == set(MAILS)
    assert found_in("after:2020-01-01T00:00Z") == set(MAILS)


@pytest.mark.parametrize("query", ["before:soon", "larger:much", "after:99999-01-01"])
def test_what_means_nothing_is_refused(inboxes, query):
    assert inboxes.client.get("/api/v1/search", params={"query": query}).status_code == 400


def test_a_search_has_pages_and_the_latest(found_in, inboxes):
    page = inboxes.ask("/search", params={"query": "from:ann", "limit": 1, "start": 1})
    assert (page["messages_count"], page["count"], page["messages_unread"]) == (2, 1, 1)
    assert page["messages"][0]["Subject"] == 'Red "shoes"'
    latest = inboxes.ask("/message/latest/headers", params={"query": "from:ann"})
    assert latest["Subject"] == ["Green hats"]
    assert inboxes.client.get("/api/v1/message/latest?query=nowhere").status_code == 404


def test_a_quotation_mark_in_a_mail_is_found(found_in):
    assert found_in("subject:shoes red") == {"red"}
    assert found_in("shoes") == {"red"}
