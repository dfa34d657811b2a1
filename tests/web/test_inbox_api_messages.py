"""Mailpit's lists and single mails over what sinks received."""

import base64

import pytest

PLAIN = """From: Shop <offers@shop.example>
To: You <you@home.test>
Cc: third@home.test
Reply-To: Answers <answers@shop.example>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Message-ID: <7.1@shop.example>
Date: Thu, 26 Nov 2026 20:00:00 +0100
List-Unsubscribe: <https://shop.example/u>, <mailto:u@shop.example>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
X-Tags: Spring, two words

Hello you,
see https://shop.example/offer
"""
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
RICH = f"""From: a@shop.example
To: you@home.test
Subject: Rich
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/related; boundary=r

--r
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--a
Content-Type: text/html; charset=utf-8

<p>Caf\N{LATIN SMALL LETTER E WITH ACUTE} <img src="cid:logo@shop"></p>
--a--
--r
Content-Type: image/png; name="logo.png"
Content-ID: <logo@shop>
Content-Disposition: inline; filename="logo.png"
Content-Transfer-Encoding: base64

{base64.b64encode(PNG).decode()}
--r--
--m
Content-Type: text/html
Content-Disposition: attachment; filename="page.html"

<script>alert(1)</script>
--m--
"""


def ids(found):
    return [each["ID"] for each in found["messages"]]


def test_a_list_has_mailpits_names_and_types(inbox):
    mail_id = inbox.deliver(PLAIN, "you@home.test", "third@home.test", "hidden@home.test")
    found = inbox.ask("/messages")
    (mail,) = found.pop("messages")
    assert found == {
        "total": 1,
        "unread": 1,
        "count": 1,
        "messages_count": 1,
        "messages_unread": 1,
        "start": 0,
        "tags": ["Spring", "two words"],
    }
    assert mail.pop("Created").endswith("Z")
    assert mail == {
        "ID": mail_id,
        "MessageID": "7.1@shop.example",
        "Read": False,
        "From": {"Name": "Shop", "Address": "offers@shop.example"},
        "To": [{"Name": "You", "Address": "you@home.test"}],
        "Cc": [{"Name": "", "Address": "third@home.test"}],
        "Bcc": [{"Name": "", "Address": "hidden@home.test"}],
        "ReplyTo": [{"Name": "Answers", "Address": "answers@shop.example"}],
        "Subject": "Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{LATIN SMALL LETTER SHARP S}e",
        "Username": "",
        "Tags": ["Spring", "two words"],
        "Size": len(PLAIN.replace("\n", "\r\n")),
        "Attachments": 0,
        "Snippet": "Hello you, see https://shop.example/offer",
    }


def test_the_newest_mail_comes_first_page_by_page(inbox):
    sent = [
        inbox.deliver(f"Subject: {n}\n\n{n}\n", sink=("inbox", "other")[n % 2]) for n in range(5)
    ]
    assert ids(inbox.ask("/messages")) == sent[::-1]
    assert ids(inbox.ask("/messages", params={"start": 1, "limit": 2})) == [sent[3], sent[2]]
    assert ids(inbox.ask("/messages", params={"start": 9})) == []
    assert inbox.ask("/messages", params={"start": "x", "limit": "y"})["count"] == 5
    before = inbox.ask(f"/message/{sent[2]}")
    assert before["Subject"] == "2"
    moment = inbox.ask("/messages")["messages"][2]["Created"]
    assert ids(inbox.ask("/messages", params={"before": moment})) == [sent[1], sent[0]]


def test_one_mail_is_read_from_then_on(inbox):
    mail_id = inbox.deliver(PLAIN)
    found = inbox.ask("/message/latest")
    assert found["ID"] == mail_id
    assert found["Text"].startswith("Hello you,")
    assert found["HTML"] == ""
    assert found["Date"] == "2026-11-26T19:00:00.000Z"
    assert found["ReturnPath"] == "a@shop.example"
    assert found["ListUnsubscribe"] == {
        "Header": "<https://shop.example/u>, <mailto:u@shop.example>",
        "Links": ["https://shop.example/u", "mailto:u@shop.example"],
        "Errors": "",
        "HeaderPost": "List-Unsubscribe=One-Click",
    }
    assert inbox.ask("/messages")["unread"] == 0
    inbox.ask("/messages", "PUT", json={"IDs": [mail_id], "Read": False})
    assert inbox.ask("/messages")["unread"] == 1
    inbox.ask("/messages", "PUT", json={"read": True})
    assert inbox.ask("/messages")["unread"] == 0


def test_parts_are_listed_and_served(inbox):
    mail_id = inbox.deliver(RICH.encode())
    found = inbox.ask(f"/message/{mail_id}")
    assert found["Text"].strip() == "Gr\xfc\xdfe"
    assert "Caf\xe9" in found["HTML"]
    (inline,), (attached,) = found["Inline"], found["Attachments"]
    assert (inline["PartID"], inline["ContentID"], inline["Size"]) == ("1.2", "logo@shop", len(PNG))
    assert (attached["PartID"], attached["FileName"]) == ("2", "page.html")
    assert inbox.ask("/messages")["messages"][0]["Attachments"] == 1
    picture = inbox.client.get(f"/api/v1/message/{mail_id}/part/1.2")
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    page = inbox.client.get(f"/api/v1/message/{mail_id}/part/2")
    assert page.headers["content-type"] == "application/octet-stream"
    assert page.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in page.headers["content-security-policy"]


def test_headers_and_source_are_as_received(inbox):
    mail_id = inbox.deliver(PLAIN)
    headers = inbox.ask(f"/message/{mail_id}/headers")
    assert headers["Subject"] == ["=?utf-8?q?Gr=C3=BC=C3=9Fe?="]
    assert headers["Message-Id"] == ["<7.1@shop.example>"]
    assert inbox.ask(f"/message/{mail_id}/raw") == PLAIN.replace("\n", "\r\n")
    saved = inbox.client.get(f"/api/v1/message/{mail_id}/raw", params={"dl": "1"})
    assert saved.headers["content-disposition"] == f'attachment; filename="{mail_id}.eml"'


def test_views_for_programs(inbox):
    mail_id = inbox.deliver(RICH.encode())
    html = inbox.client.get(f"/view/{mail_id}.html")
    assert "data:image/png;base64,iVBOR" in html.text
    assert "default-src 'none'" in html.headers["content-security-policy"]
    assert inbox.client.get("/view/latest.txt").text.strip() == "Gr\xfc\xdfe"
    assert inbox.client.get("/view/latest").headers["location"] == f"/inbox/{mail_id}"
    inbox.deliver(PLAIN)
    assert inbox.client.get("/view/latest.html").status_code == 404


def test_deleted_mail_is_gone_for_every_process(inbox):
    kept, gone = inbox.deliver(PLAIN), inbox.deliver(PLAIN)
    assert inbox.ask("/messages", "DELETE", json={"IDs": [gone, "inbox-99999"]}) == "ok"
    assert ids(inbox.ask("/messages")) == [kept]
    answer = inbox.client.get(f"/api/v1/message/{gone}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")
    assert inbox.client.delete("/api/v1/messages").text == "ok"
    assert inbox.ask("/messages")["total"] == 0
    assert inbox.client.get("/api/v1/message/latest").status_code == 404


@pytest.mark.parametrize("what", ["html-check", "link-check", "sa-check"])
def test_what_is_not_done_says_so(inbox, what):
    mail_id = inbox.deliver(PLAIN)
    answer = inbox.client.get(f"/api/v1/message/{mail_id}/{what}")
    assert answer.status_code == 501
    assert answer.headers["content-type"].startswith("text/plain")
    assert inbox.client.get(f"/api/v1/message/nothing/{what}").status_code == 404


def test_nothing_is_released(inbox):
    mail_id = inbox.deliver(PLAIN)
    answer = inbox.client.post(f"/api/v1/message/{mail_id}/release", json={"To": ["a@b.test"]})
    assert (answer.status_code, "leaves this machine" in answer.text) == (501, True)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/messages", "[]"),
        ("/messages", "{"),
        ("/messages", '{"IDs": "x"}'),
        ("/messages", '{"IDs": ["a"], "Search": "b"}'),
        ("/messages", '{"Read": 1}'),
        ("/messages", '{"Search": "before:never"}'),
        ("/tags", "{}"),
        ("/tags/none", '{"Name": "x"}'),
        ("/chaos", '{"Sender": {"ErrorCode": 200, "Probability": 5}}'),
    ],
)
def test_bad_requests_are_refused_in_words(inbox, path, sent):
    answer = inbox.client.put("/api/v1" + path, content=sent)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text


def test_broken_mail_is_shown_as_it_came(inbox):
    broken = (
        b"From: \xff\xfe <a@\r\nSubject: =?x-no-such?b?////?=\r\nContent-Type: multipart/mixed\r\n"
        b"Content-Transfer-Encoding: base64\r\nDate: yesterday\r\n\r\n\xff\x00 no parts\r\n"
    )
    mail_id = inbox.deliver(broken)
    found = inbox.ask(f"/message/{mail_id}")
    assert found["Subject"] == "=?x-no-such?b?////?="
    assert inbox.ask("/messages")["total"] == 1


def test_a_kept_lab_is_only_looked_at(served):
    found = served.client.get("/api/v1/messages").json()
    assert found["total"] > 0
    first = found["messages"][0]["ID"]
    assert served.client.get(f"/api/v1/message/{first}").status_code == 200
    assert served.client.get("/api/v1/messages").json()["unread"] == found["unread"]
    assert served.client.delete("/api/v1/messages").status_code == 409


def test_mailpits_paths_are_not_described_as_ours(served):
    paths = served.client.get("/openapi.json").json()["paths"]
    assert "/api/v1/log" in paths
    assert not any(each.startswith("/api/v1/message") for each in paths)
