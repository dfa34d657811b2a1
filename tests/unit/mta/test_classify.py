"""Replies in the manner of real receivers, and how each is judged. All texts are made up."""

import importlib.resources

import pytest

from mail.outcome import Accepted, Broken, Rejected, Stage
from mail.reason import FailureType, Reason
from mail.reply import Reply
from mail.states import MessageEvent
from mta.classify import RULES_FILE, TEXT_MAX, Classifier
from mta.errors import BadRules

CLASSIFIER = Classifier.packaged()
HARD, SOFT, IGNORED, UNDEFINED = (
    FailureType.HARD,
    FailureType.SOFT,
    FailureType.IGNORED,
    FailureType.UNDEFINED,
)
DEFERRED, REFUSED = MessageEvent.DEFERRED, MessageEvent.REFUSED

REPLIES = [
    # the address
    ("550 5.1.1 The account you wrote to is not here. Check for typing errors", REFUSED, HARD, 1),
    ("550 5.1.1 <a@b.test>: Recipient address rejected: User unknown in table", REFUSED, HARD, 1),
    ("550 Unknown user", REFUSED, HARD, 1),
    ("550 Requested action not taken: mailbox unavailable", REFUSED, HARD, 1),
    ("554 This user doesn't have a lab.test account (a@lab.test)", REFUSED, HARD, 1),
    ("550 5.4.1 Recipient address rejected: Access denied. [AB3PEPF]", REFUSED, HARD, 1),
    ("550 5.7.1 No such user here", REFUSED, HARD, 1),
    ("551 User not local", REFUSED, HARD, 1),
    ("553 5.1.3 That is not an address", REFUSED, HARD, 1),
    ("450 4.1.1 <a@b.test>: unverified address, lookup goes on", DEFERRED, SOFT, 1),
    ("550 5.1.2 Host unknown", REFUSED, SOFT, 2),
    ("556 5.1.10 The domain has a null MX", REFUSED, SOFT, 2),
    ("550 Domain example.test not found", REFUSED, SOFT, 2),
    ("521 mx.lab.test takes no part in mail", REFUSED, SOFT, 2),
    # the mailbox
    ("550 5.2.1 The account you wrote to is disabled", REFUSED, HARD, 4),
    ("554 30 Sorry, your message cannot be delivered. This mailbox is disabled", REFUSED, HARD, 4),
    ("550 5.7.1 inactive mailbox", REFUSED, SOFT, 4),
    ("450 4.2.1 The mailbox is disabled", DEFERRED, SOFT, 4),
    ("552 5.2.2 The inbox is out of storage space", DEFERRED, SOFT, 5),
    ("550 5.2.2 <a@b.test>: user is over quota", DEFERRED, SOFT, 5),
    ("452 4.2.2 The mailbox is full", DEFERRED, SOFT, 5),
    ("552 Requested action aborted: exceeded storage allocation", DEFERRED, SOFT, 5),
    ("550 Mailbox quota exceeded", DEFERRED, SOFT, 5),
    # pace
    ("421 4.7.0 [127.0.1.1 15] Unusual rate of mail from this address", DEFERRED, IGNORED, 202),
    ("421 4.7.0 Not now, and not so fast", DEFERRED, IGNORED, 202),
    ("450 4.2.1 This user is receiving mail at a rate that holds it back", DEFERRED, IGNORED, 202),
    ("451 4.7.500 Server busy. Please try again later from 127.0.1.1", DEFERRED, IGNORED, 202),
    ("421 too many connections from your IP (S3)", DEFERRED, IGNORED, 202),
    ("452 4.5.3 Too many recipients", DEFERRED, IGNORED, 202),
    ("550 5.7.28 A flood of mail comes from your IP", DEFERRED, IGNORED, 202),
    ("451 4.4.5 This mail system is congested", DEFERRED, IGNORED, 202),
    ("451 4.7.1 Greylisting in action, come back in 300 seconds", DEFERRED, IGNORED, 201),
    ("450 4.2.0 <a@b.test>: Recipient address rejected: Greylisted", DEFERRED, IGNORED, 201),
    ("550 Gray-listed, wait five minutes", DEFERRED, IGNORED, 201),
    ("451 Temporarily rejected, try again later", DEFERRED, IGNORED, 201),
    # the message and the sender
    ("552 5.3.4 Message size exceeds fixed limit", REFUSED, IGNORED, 203),
    ("552 Message too large", REFUSED, IGNORED, 203),
    ("452 Message size exceeds what we take now", DEFERRED, IGNORED, 203),
    ("550 5.6.7 message needs SMTPUTF8, which the server does not offer", REFUSED, IGNORED, 207),
    ("550 5.7.26 The sender is not authenticated: SPF and DKIM fail", REFUSED, IGNORED, 20),
    ("550 5.7.1 client host blocked using zen.list.test", REFUSED, IGNORED, 20),
    ("554 5.7.1 <a@b.test>: Relay access denied", REFUSED, IGNORED, 20),
    ("554 Denied", REFUSED, IGNORED, 20),
    ("550 5.7.1 Our filter finds that this looks like spam", REFUSED, SOFT, 20),
    ("554 5.7.1 Refused by policy", REFUSED, IGNORED, 20),
    ("550 5.7.1 You may not write to this group", REFUSED, SOFT, 20),
    ("550 Stopped after spam complaints of our users", REFUSED, SOFT, 20),
    ("421 4.16.55 [TS02] Messages deferred due to user complaints", DEFERRED, SOFT, 3),
    ("550 5.1.8 <bounce@lab.test>: Sender address rejected", REFUSED, IGNORED, 20),
    # the receiving system
    ("451 4.3.0 Trouble in this mail system", DEFERRED, SOFT, 3),
    ("452 4.3.1 Insufficient system storage", DEFERRED, IGNORED, 3),
    ("421 Service closing transmission channel", DEFERRED, IGNORED, 3),
    ("550 5.3.0 Trouble in this mail system", DEFERRED, SOFT, 3),
    ("503 Bad sequence of commands", DEFERRED, IGNORED, 207),
    ("454 TLS is out of order for the moment", DEFERRED, IGNORED, 207),
    # nobody knows
    # what the sender lacks
    ("550 5.7.10 TLS is required to reach us", DEFERRED, IGNORED, 208),
    ("553 This way requires encryption", DEFERRED, IGNORED, 208),
    ("530 5.7.0 Authentication required", DEFERRED, IGNORED, 209),
    ("535 That was nothing", DEFERRED, IGNORED, 209),
    ("421 4.7.0 Slow down: the reputation of your IP is poor", DEFERRED, IGNORED, 20),
    ("550 The client 127.0.1.1 was blocked for a day", REFUSED, IGNORED, 20),
    ("421 Rate limit: no SPF or DKIM here", DEFERRED, IGNORED, 20),
    ("550 The From: domain of this mail is made up", REFUSED, IGNORED, 20),
    ("550 5.7.1 Two headers of one kind: duplicate Subject header", REFUSED, IGNORED, 20),
    ("550 Refused by policy", REFUSED, IGNORED, 20),
    ("554 5.6.0 Too many hops", REFUSED, IGNORED, 3),
    ("550 The domain b.test is suspended", DEFERRED, SOFT, 4),
    ("550 Too many recipients in one go", DEFERRED, IGNORED, 202),
    ("550 Computer says no", REFUSED, UNDEFINED, 0),
    ("459 Computer says not yet", DEFERRED, UNDEFINED, 0),
]  # fmt: skip


def reply(said):
    code, _, text = said.partition(" ")
    return Reply(int(code), text)


def judged(said, stage=Stage.RCPT, attempts=1):
    return CLASSIFIER.classify(Rejected(reply(said), stage), attempts)


@pytest.mark.parametrize(("said", "event", "failure", "reason"), REPLIES)
def test_a_reply_in_the_manner_of_real_receivers_is_judged_as_expected(
    said, event, failure, reason
):
    verdict = judged(said)
    assert (verdict.event, verdict.failure, verdict.reason) == (event, failure, Reason(reason))


def test_an_acceptance_carries_its_text_and_codes():
    verdict = CLASSIFIER.classify(Accepted(Reply(250, "2.0.0 queued as 17")), 1)
    assert verdict.event is MessageEvent.ACCEPTED
    assert (verdict.failure, verdict.reason, verdict.rule) == (None, None, "")
    assert (verdict.code, verdict.enhanced, verdict.text) == (250, "2.0.0", "2.0.0 queued as 17")


def test_a_verdict_names_the_rule_that_judged():
    assert judged("550 5.1.1 nobody").rule == "user-unknown"
    assert judged("550 whatever").rule == "unknown"


@pytest.mark.parametrize(
    ("said", "stage", "reason"),
    [
        ("554 5.7.1 Your address is on our block list", Stage.GREETING, Reason.REFUSED),
        ("554 No SMTP service here", Stage.GREETING, Reason.UNREACHABLE),
        ("550 Too many connections", Stage.EHLO, Reason.THROTTLED),
        ("535 5.7.8 Wrong password", Stage.AUTH, Reason.AUTH_FAILED),
        ("454 4.7.0 Temporary authentication failure", Stage.AUTH, Reason.UNREACHABLE),
        ("454 TLS not available", Stage.STARTTLS, Reason.TLS_FAILED),
    ],
)
def test_a_session_that_is_refused_says_nothing_about_the_address_and_is_tried_again(
    said, stage, reason
):
    verdict = judged(said, stage)
    assert (verdict.event, verdict.failure, verdict.reason) == (DEFERRED, IGNORED, reason)


def test_a_sender_that_is_refused_is_no_fault_of_the_address():
    verdict = judged("550 Administrative prohibition", Stage.MAIL)
    assert (verdict.event, verdict.failure, verdict.reason) == (REFUSED, IGNORED, Reason.REFUSED)


def test_try_again_means_greylisting_only_at_first():
    reasons = [judged("450 Please try again", attempts=each).reason for each in (1, 2, 3)]
    assert reasons == [Reason.GREYLISTED, Reason.GREYLISTED, Reason.UNREACHABLE]


@pytest.mark.parametrize(
    ("error", "stage", "reason"),
    [
        ("connection refused", Stage.CONNECT, Reason.UNREACHABLE),
        ("no reply within 60 s", Stage.RCPT, Reason.UNREACHABLE),
        ("connection lost", Stage.DATA, Reason.UNREACHABLE),
        ("protocol error: greeting was answered by 7", Stage.GREETING, Reason.PROTOCOL),
        ("TLS is required and the server does not offer it", Stage.STARTTLS, Reason.TLS_FAILED),
        ("[SSL] wrong version number", Stage.STARTTLS, Reason.TLS_FAILED),
        ("the certificate has expired", Stage.STARTTLS, Reason.CERTIFICATE_EXPIRED),
        ("the certificate is not valid yet", Stage.STARTTLS, Reason.CERTIFICATE_EXPIRED),
        ("the certificate is self-signed", Stage.STARTTLS, Reason.CERTIFICATE_SELF_SIGNED),
        (
            "the certificate is for another name than mx.y.test",
            Stage.STARTTLS,
            Reason.CERTIFICATE_WRONG_NAME,
        ),
        (
            "the certificate is of an unknown authority",
            Stage.STARTTLS,
            Reason.CERTIFICATE_NOT_TRUSTED,
        ),
        (
            "the certificate is not valid: certificate revoked",
            Stage.STARTTLS,
            Reason.CERTIFICATE_NOT_TRUSTED,
        ),
        (
            "127.0.0.1:1: the certificate has expired; 127.0.0.1:2: connection lost",
            Stage.STARTTLS,
            Reason.CERTIFICATE_EXPIRED,
        ),
        ("AUTH is configured and the server does not offer it", Stage.AUTH, Reason.AUTH_FAILED),
        ("connection lost", Stage.AUTH, Reason.UNREACHABLE),
    ],
)
def test_a_broken_attempt_is_tried_again_and_not_counted_against_the_address(error, stage, reason):
    verdict = CLASSIFIER.classify(Broken(error, stage), 1)
    assert (verdict.event, verdict.failure, verdict.reason) == (DEFERRED, IGNORED, reason)
    assert (verdict.code, verdict.text) == (None, error)


def test_a_doubtful_attempt_is_deferred_and_says_that_the_message_may_have_arrived():
    verdict = CLASSIFIER.classify(Broken("connection lost", Stage.BODY, is_doubtful=True), 1)
    assert verdict.event is DEFERRED
    assert verdict.text == (
        "the reply to the whole message was not read, it may have arrived: connection lost"
    )


def test_the_text_of_a_verdict_is_one_printable_line():
    text = judged("550 5.1.1 first\r\n5.1.1 second\x00\x1b[31m\ud800\u2028 end").text
    assert text == "5.1.1 first 5.1.1 second [31m end"


def test_the_text_of_a_verdict_is_cut_where_it_gets_too_long():
    text = judged("550 " + "x" * 5000).text
    assert len(text) == TEXT_MAX
    assert text.endswith("x…")


FRAME = """
broken = []
[unknown]
failure = "undefined"
reason = "not_defined"
[nonsense]
failure = "ignored"
reason = "protocol"
"""


def rules(*conditions, name="r", failure="soft", reason="refused"):
    lines = [f'name = "{name}"', f'failure = "{failure}"', f'reason = "{reason}"', *conditions]
    return FRAME + "[[rule]]\n" + "\n".join(lines) + "\n"


def test_the_first_rule_whose_conditions_all_hold_decides():
    text = (
        rules('code = ["55x"]', 'text = "magic"', name="both")
        + '[[rule]]\nname = "code"\ncode = ["550"]\nfailure = "hard"\nreason = "user_unknown"\n'
    )
    classifier = Classifier(text)
    names = [
        classifier.classify(Rejected(reply(said), Stage.RCPT), 1).rule
        for said in ("550 MAGIC", "550 other", "551 magic", "552 other")
    ]
    assert names == ["both", "code", "both", "unknown"]


def test_a_hard_rule_that_meets_a_temporary_reply_quarantines_nobody():
    classifier = Classifier(rules('text = "gone"', failure="hard", reason="user_unknown"))
    verdict = classifier.classify(Rejected(Reply(450, "gone"), Stage.RCPT), 1)
    assert (verdict.event, verdict.failure) == (DEFERRED, SOFT)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rule = [", "not valid TOML"),
        (rules(), "asks for nothing"),
        (rules('text = "("'), "not a regular expression"),
        (rules('code = ["250"]'), "expected a reply code"),
        (rules('enhanced = ["5.1"]'), "expected an enhanced code"),
        (rules('stage = ["lunch"]'), "lunch"),
        (rules('code = ["5xx"]', reason="bad_luck"), "expected one of"),
        (rules('code = ["5xx"]', failure="harsh"), "harsh"),
        (rules('code = ["5xx"]', "retry = true", failure="hard"), "never tried again"),
        (rules('code = ["5xx"]', 'txet = "a"'), "txet"),
        (rules('code = ["5xx"]') + rules('code = ["4xx"]')[len(FRAME) :], "two are 'r'"),
        ("", "unknown"),
    ],
)
def test_a_wrong_file_of_rules_is_refused_with_what_is_wrong_and_where(text, says):
    with pytest.raises(BadRules) as caught:
        Classifier(text, "mine.toml")
    assert says in str(caught.value)
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Rejected(reply("451 4.7.1 Greylisting in action"), Stage.RCPT), "greylisted"),
        (Rejected(reply("450 4.2.0 not now"), Stage.RCPT), "retry_later"),
        (Rejected(reply("452 4.3.4 too large"), Stage.MAIL), "message_too_large"),
        (Rejected(reply("450 4.1.2 domain lookup failed"), Stage.RCPT), "no_mx"),
        (Rejected(reply("421 4.3.2 closing"), Stage.GREETING), "retry_later"),
        (Broken("connection refused", Stage.CONNECT), "destination_unreachable"),
        (Broken("no greeting", Stage.GREETING), "destination_unreachable"),
        (Broken("connection lost", Stage.BODY, is_doubtful=True), "retry_later"),
        (Broken("the certificate is self-signed", Stage.STARTTLS), "destination_unreachable"),
        (
            Broken("TLS is required and the server does not offer it", Stage.STARTTLS),
            "tls_required_not_offered",
        ),
        (Rejected(reply("550 5.1.1 who?"), Stage.RCPT), None),
        (Accepted(reply("250 2.0.0 queued")), None),
    ],
)
def test_a_deferral_says_what_it_waits_for(answer, cause):
    assert CLASSIFIER.classify(answer, 1).cause == cause


def test_a_rule_names_no_cause_that_a_message_cannot_wait_for():
    text = importlib.resources.files("mta").joinpath(RULES_FILE).read_text(encoding="utf-8")
    rule = text.replace('cause = "greylisted"', 'cause = "workers_busy"', 1)
    with pytest.raises(BadRules, match="expected one of retry_later, greylisted"):
        Classifier(rule)


OWN = """
[[rule]]
name = "mine"
text = "computer says no"
failure = "ignored"
reason = "error_ignored"
"""


def test_a_labs_own_rules_are_asked_first_and_the_rest_stays():
    mine = Classifier.with_own(OWN, "own.toml")
    verdict = mine.classify(Rejected(reply("550 Computer says no"), Stage.RCPT), 1)
    assert (verdict.failure, verdict.reason, verdict.rule) == (
        IGNORED,
        Reason.ERROR_IGNORED,
        "mine",
    )
    known = Rejected(reply("550 5.1.1 nobody"), Stage.RCPT)
    assert mine.classify(known, 1) == CLASSIFIER.classify(known, 1)
    assert mine.rule_named("mine").text == "computer says no"
    assert mine.rule_named("unknown") is None
    assert Classifier.with_own(" \n", "own.toml") is Classifier.packaged()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (OWN + OWN, "two are 'mine'"),
        (OWN.replace("mine", "user-unknown"), "like one that comes with the program"),
        (OWN.replace("ignored", "hardly", 1), "own.toml:5"),
        ("unknown = 1", "own.toml:1"),
    ],
)
def test_own_rules_that_are_wrong_are_refused_with_their_place(text, told):
    with pytest.raises(BadRules, match=told):
        Classifier.with_own(text, "own.toml")
