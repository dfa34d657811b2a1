"""Mailpit's sending, its triggers of chaos, and what it tells of itself."""

import base64
import smtplib

import pytest

LETTER = {
    "From": {"Email": "shop@shop.example", "Name": "Shop, the"},
    "To": [{"Email": "you@home.test", "Name": "You"}],
    "Cc": [{"Email": "third@home.test"}],
    "Bcc": ["hidden@home.test"],
    "ReplyTo": [{"Email": "answers@shop.example"}],
    "Subject": "Gr\xfc\xdfe",
    "Text": "Hello",
    "HTML": '<p>Hello <img src="cid:logo"></p>',
    "Headers": {"X-IP": "1.2.3.4"},
    "Tags": ["One", "Two"],
    "Attachments": [
        {"Filename": "a.txt", "Content": base64.b64encode(b"text").decode()},
        {
            "Filename": "logo.png",
            "Content": "data:image/png;base64," + base64.b64encode(b"png").decode(),
            "ContentType": "image/png",
            "ContentID": "logo",
        },
    ],
}


def test_what_is_sent_is_in_the_inbox(inbox):
    sent = inbox.ask("/send", "POST", json=LETTER)
    found = inbox.ask(f"/message/{sent['ID']}")
    assert found["From"] == {"Name": "Shop, the", "Address": "shop@shop.example"}
    assert found["To"] == [{"Name": "You", "Address": "you@home.test"}]
    assert found["Bcc"] == [{"Name": "", "Address": "hidden@home.test"}]
    assert found["Subject"] == LETTER["Subject"]
    assert (found["Text"].strip(), found["HTML"].strip()) == (LETTER["Text"], LETTER["HTML"])
    assert found["Tags"] == ["One", "Two"]
    assert [each["FileName"] for each in found["Attachments"]] == ["a.txt"]
    assert [each["ContentID"] for each in found["Inline"]] == ["logo"]
    headers = inbox.ask(f"/message/{sent['ID']}/headers")
    assert headers["X-Ip"] == ["1.2.3.4"]
    assert "Bcc" not in headers


@pytest.mark.parametrize(
    "changed",
    [
        {"From": None},
        {"From": {"Email": "no address"}},
        {"To": [], "Cc": [], "Bcc": []},
        {"To": [{"Email": "@"}]},
        {"Bcc": ["a@b.test>\r\nRCPT TO:<c@d.test"]},
        {"Subject": "a\r\nBcc: b@c.test"},
        {"Headers": {"Subject": "another"}},
        {"Headers": {"X-A:": "b"}},
        {"Headers": {"X-A": "b\nX-C: d"}},
        {"Tags": ["<b>"]},
        {"Attachments": [{"Filename": "a", "Content": "no base64!"}]},
        {"Attachments": [{"Filename": "a"}]},
    ],
)
def test_what_cannot_be_sent_is_refused_as_json(inbox, changed):
    answer = inbox.client.post("/api/v1/send", json=LETTER | changed)
    assert answer.status_code == 400
    assert answer.json()["Error"]
    assert inbox.ask("/messages")["total"] == 0


def test_chaos_refuses_senders_and_recipients_at_every_sink(inbox):
    off = {
        "Sender": {"ErrorCode": 451, "Probability": 0},
        "Recipient": {"ErrorCode": 451, "Probability": 0},
        "Authentication": {"ErrorCode": 535, "Probability": 0},
    }
    assert inbox.ask("/chaos") == off
    asked = {"Recipient": {"ErrorCode": 550, "Probability": 100}}
    assert inbox.ask("/chaos", "PUT", json=asked) == off | asked
    assert inbox.ask("/chaos") == off | asked
    for sink in ("inbox", "other"):
        with pytest.raises(smtplib.SMTPResponseException) as refused:
            inbox.deliver("\n\n", sink=sink)
        assert (refused.value.smtp_code, refused.value.smtp_error) == (
            550,
            b"Chaos recipient error",
        )
    answer = inbox.client.post("/api/v1/send", json=LETTER)
    assert (answer.status_code, "550" in answer.json()["Error"]) == (400, True)
    asked = {"Sender": {"ErrorCode": 421, "Probability": 100}}
    assert inbox.ask("/chaos", "PUT", json=asked) == off | asked
    with pytest.raises(smtplib.SMTPException):
        inbox.deliver("\n\n")
    assert inbox.ask("/chaos", "PUT", json={}) == off
    inbox.deliver("\n\n")


def test_chaos_keeps_what_a_sink_was(inbox):
    become = {"personality": "mild"}
    inbox.ask("/sinks/inbox/personality", "PUT", json=become)
    inbox.ask("/chaos", "PUT", json={"Sender": {"ErrorCode": 451, "Probability": 0}})
    inbox.ask("/chaos", "PUT", json={"Sender": {"ErrorCode": 451, "Probability": 1}})
    inbox.ask("/chaos", "PUT", json={"Sender": {"ErrorCode": 452, "Probability": 1}})
    sinks = {each["sink"]: each["personality"] for each in inbox.ask("/sinks")["sinks"]}
    assert sinks == {"inbox": "chaos over mild", "other": "chaos over accept"}
    with pytest.raises(smtplib.SMTPResponseException, match="Nobody"):
        inbox.deliver("\n\n", "nobody@home.test")
    inbox.ask("/chaos", "PUT", json={})
    sinks = {each["sink"]: each["personality"] for each in inbox.ask("/sinks")["sinks"]}
    assert sinks == {"inbox": "mild", "other": "accept"}
    inbox.ask("/sinks/inbox/personality", "PUT", json={"personality": "accept"})


def test_what_it_tells_of_itself(inbox):
    inbox.deliver("Subject: x\n\nx\n")
    info = inbox.ask("/info")
    assert info["Version"].startswith("mtalab ")
    assert (info["Messages"], info["Unread"]) == (1, 1)
    assert info["DatabaseSize"] > 0
    assert info["RuntimeStats"]["SMTPAccepted"] >= 1
    webui = inbox.ask("/webui")
    assert webui["Label"] == "inboxes"
    assert webui["ChaosEnabled"] is True
    assert webui["MessageRelay"]["Enabled"] is False


def test_a_lab_that_does_not_run_has_no_chaos(served):
    assert served.client.get("/api/v1/chaos").status_code == 503
    assert served.client.get("/api/v1/webui").json()["ChaosEnabled"] is False
    assert served.client.post("/api/v1/send", json=LETTER).status_code == 409
