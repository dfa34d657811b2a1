"""What comes back by mail, in the store: kept whatever it is, believed only if it is not forged."""

import pytest

from mail.inbound import Effect, InboundKind, MatchedBy, digest_of
from mail.message_id import MessageMark
from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent
from store import address_search, inbound, inbound_log, log, operator, tables
from tests.store.hand import DAY, DEFERRED, REFUSED

TERMS = inbound.Terms(7 * DAY)
HARD = Verdict(
    MessageEvent.REFUSED, FailureType.HARD, Reason.USER_UNKNOWN, "5.1.1 who?", 550, "5.1.1", "rule"
)
SOFT = Verdict(
    MessageEvent.REFUSED, FailureType.SOFT, Reason.MAILBOX_FULL, "5.2.2 full", 552, "5.2.2"
)
CROSS = Verdict(MessageEvent.REFUSED, FailureType.HARD, Reason.DENYLISTED, "complaint: abuse")


@pytest.fixture
def post(hand):
    """A delivery of one message that was sent, and a hand for what comes back of it."""
    return Post(hand)


class Post:
    def __init__(self, hand):
        self.hand = hand
        self.worker = hand.worker()
        self.delivery = hand.submit(["x@a.test"])
        [self.part] = hand.lease(self.worker)
        [self.message] = [each.id for each in hand.messages()]
        self.mark = MessageMark(self.delivery, self.message, "lab.test")
        self._count = 0

    def sent(self):
        self.hand.settle(self.worker, self.hand.outcomes(self.part), finished=[self.part])
        self.hand.finish()
        return self

    def letter(self, verdict=HARD, recipient="x@a.test", **changed):
        self._count += 1
        content = b"bounce %d" % self._count
        kind = changed.pop("kind", InboundKind.FAILED)
        given = {
            "recipient": "bounce+1-1@lab.test",
            "sender": "",
            "content": content,
            "digest": digest_of("bounce+1-1@lab.test", content),
            "kind": kind,
            "subject": "Undelivered",
            "text": "text",
            "sealed": self.mark,
            "returned": None,
            "reports": (inbound.Report((recipient,), kind, verdict),),
        }
        return inbound.Letter(**{**given, **changed})

    def take(self, *letters, terms=TERMS):
        return self.hand.do(inbound.take, letters, terms, self.hand.clock.now())

    def settle(self):
        now = self.hand.clock.now()
        return self.hand.do(inbound.settle_waiting, TERMS, now, 100)

    def found(self):
        """All that came, the oldest first."""
        return self.hand.ask(inbound_log.find, inbound_log.Wanted(), 100)[::-1]

    @property
    def effects(self):
        return [each.effect for each in self.found()]

    @property
    def status(self):
        return self.hand.statuses()[0]

    def address(self):
        found = self.hand.ask(address_search.find, address_search.Selection())
        return {each.address: each for each in found}.get("x@a.test")


def test_a_sent_message_fails_with_what_came_back(post):
    [number] = post.sent().take(post.letter())
    assert post.status == "failed"
    *_, last = post.hand.transitions()
    assert (last.event, last.from_status, last.to_status) == ("bounced_later", "sent", "failed")
    assert (last.reason, last.failure, last.code, last.enhanced, last.text) == (
        *(Reason.USER_UNKNOWN, "hard", 550, "5.1.1", "5.1.1 who?"),
    )
    [kept], content = post.found(), post.hand.ask(inbound_log.get, number)[1]
    assert (kept.id, kept.effect, kept.matched_by) == (
        number,
        Effect.FAILED,
        MatchedBy.RETURN_PATH,
    )
    assert (kept.message_id, kept.delivery_id, kept.address) == (
        post.message,
        post.delivery,
        "x@a.test",
    )
    assert (kept.reason, kept.failure, kept.rule) == (Reason.USER_UNKNOWN, "hard", "rule")
    assert content == b"bounce 1"
    assert post.address().status == "quarantined"


def test_a_soft_one_is_counted_against_its_address(post):
    post.sent().take(post.letter(SOFT))
    assert post.status == "failed"
    assert (post.address().status, post.address().errors) == ("with_errors", 1)


def test_an_ignored_failure_counts_against_nobody(post):
    post.sent().take(post.letter(REFUSED._replace(text="policy")))
    assert post.status == "failed"
    assert post.address() is None


def test_the_counters_follow(post):
    post.sent().take(post.letter())
    [message] = post.hand.messages()
    assert (message.status, message.reason) == ("failed", Reason.USER_UNKNOWN)
    rows = post.hand.everything()["rollup_status"]
    assert {(row.status, row.reason): row.messages for row in rows if row.messages} == {
        ("failed", int(Reason.USER_UNKNOWN)): 1
    }


def test_who_complains_gets_no_more_mail(post):
    post.sent().take(post.letter(CROSS, kind=InboundKind.COMPLAINT))
    assert post.status == "failed"
    [message] = post.hand.messages()
    assert message.reason is Reason.DENYLISTED
    assert post.address().status == "denylisted"
    again = post.hand.submit(["x@a.test"])
    [excluded] = post.hand.messages(delivery_id=again)
    assert (excluded.status, excluded.reason) == ("ignored", Reason.DENYLISTED)


def test_who_complains_of_a_message_that_bounced_gets_no_more_either(post):
    post.sent().take(post.letter(SOFT), post.letter(CROSS, kind=InboundKind.COMPLAINT))
    assert post.effects == [Effect.FAILED, Effect.OVER]
    assert post.address().status == "denylisted"


def test_one_that_comes_twice_is_kept_once_and_another_one_changes_nothing(post):
    letter, other = post.letter(), post.letter(SOFT)
    post.sent()
    first = post.take(letter, letter)
    assert first[0] == first[1]
    before = post.hand.everything()
    assert post.take(letter) == first[:1]
    assert post.hand.everything() == before
    post.take(other)
    assert post.effects == [Effect.FAILED, Effect.OVER]
    assert len(post.hand.transitions()) == 2
    assert post.hand.messages()[0].reason is Reason.USER_UNKNOWN


def test_one_that_is_here_before_its_messages_outcome_waits_for_it(post):
    post.take(post.letter())
    assert post.effects == [Effect.WAITING]
    assert not post.hand.ask(inbound.is_settleable)
    assert post.settle() == 0
    post.sent()
    assert post.hand.ask(inbound.is_settleable)
    assert post.settle() == 1
    assert post.effects == [Effect.FAILED]
    assert post.status == "failed"
    assert post.hand.transitions()[-1].code == 550
    assert post.settle() == 0


def test_what_waits_for_a_message_that_is_never_sent_is_over(post):
    post.take(post.letter())
    post.hand.settle(post.worker, post.hand.outcomes(post.part, REFUSED), finished=[post.part])
    assert post.settle() == 1
    assert post.effects == [Effect.OVER]
    assert len(post.hand.transitions()) == 1


def test_what_waits_for_a_message_that_is_deferred_goes_on_waiting(post):
    post.take(post.letter())
    post.hand.settle(post.worker, post.hand.outcomes(post.part, DEFERRED), finished=[post.part])
    assert post.settle() == 0
    assert post.effects == [Effect.WAITING]


def test_what_is_no_failure_is_kept_and_changes_nothing(post):
    post.sent()
    before = post.hand.messages()
    kinds = [each for each in InboundKind if each not in ("failed", "complaint")]
    post.take(*(post.letter(None, kind=each) for each in kinds))
    post.take(*(post.letter(None, kind=each, reports=()) for each in kinds))
    assert post.hand.messages() == before
    for kept in post.found():
        assert (kept.effect, kept.message_id) == (Effect.NONE, post.message)
        is_unknown = kept.kind is InboundKind.UNKNOWN
        assert kept.qualification == ("to_qualify" if is_unknown else "known")


def test_a_failure_that_no_rule_knows_is_for_a_person_to_look_at(post):
    unclear = HARD._replace(failure=FailureType.UNDEFINED, reason=Reason.NOT_DEFINED)
    post.sent().take(post.letter(unclear))
    [kept] = post.found()
    assert (kept.effect, kept.qualification) == (Effect.FAILED, "to_qualify")


def test_late_is_kept_and_changes_nothing(post):
    post.sent()
    post.hand.clock.advance(7 * DAY + 1)
    post.take(post.letter())
    assert (post.effects, post.status) == ([Effect.LATE], "sent")
    assert post.address() is None


def test_of_a_sealed_one_it_does_not_matter_whom_it_names(post):
    post.sent().take(post.letter(recipient="forwarded@elsewhere.test"))
    assert post.effects == [Effect.FAILED]


def test_without_a_seal_message_id_and_recipient_must_be_those_of_one_message(post):
    post.sent().take(post.letter(sealed=None, returned=post.mark, recipient="X@A.test"))
    [kept] = post.found()
    assert (kept.matched_by, kept.effect) == (MatchedBy.MESSAGE_ID, Effect.FAILED)


def test_what_is_forged_is_kept_and_not_believed(post):
    mark = post.sent().mark
    forged = (
        {"returned": mark, "recipient": "victim@a.test"},
        {"returned": MessageMark(mark.delivery_id, 4711, "lab.test")},
        {"returned": MessageMark(4711, mark.message_id, "lab.test")},
        {"returned": None},
        {"returned": mark, "reports": ()},
    )
    letters = [
        post.letter(verdict, sealed=None, kind=kind, **each)
        for each in forged
        for verdict, kind in ((HARD, InboundKind.FAILED), (CROSS, InboundKind.COMPLAINT))
    ]
    before = post.hand.everything()
    post.take(*letters)
    after = post.hand.everything()
    assert len(after.pop("inbound")) == len(letters)
    before.pop("inbound")
    assert after == before
    for kept in post.found():
        assert (kept.matched_by, kept.effect) == (MatchedBy.NOTHING, Effect.NONE)
        assert kept.message_id is None


def test_a_sealed_message_that_is_gone_is_no_error(post):
    post.take(post.letter(sealed=MessageMark(1, 4711, "lab.test")))
    assert post.found()[0].matched_by is MatchedBy.NOTHING


def test_several_in_one_transaction_take_effect_in_their_order(post):
    post.sent().take(post.letter(SOFT), post.letter(HARD), post.letter(None, kind="delayed"))
    assert post.effects == [Effect.FAILED, Effect.OVER, Effect.NONE]
    assert post.hand.messages()[0].reason is Reason.MAILBOX_FULL


def test_lists_can_be_asked_for_some(post):
    post.sent().take(post.letter(), post.letter(None, kind=InboundKind.UNKNOWN, reports=()))

    def count(**wanted):
        return len(post.hand.ask(inbound_log.find, inbound_log.Wanted(**wanted), 10))

    assert count() == 2
    assert count(delivery_id=post.delivery) == 2
    assert count(delivery_id=99) == 0
    assert count(kind=InboundKind.FAILED) == 1
    assert count(qualification="to_qualify") == 1
    with pytest.raises(inbound_log.UnknownInbound):
        post.hand.ask(inbound_log.get, 99)


def test_a_bounced_message_that_is_retried_and_sent_bounces_again(post):
    post.sent().take(post.letter(SOFT))
    now = post.hand.clock.now()
    wanted = log.Filter(delivery_id=post.delivery, status="failed")
    post.hand.do(operator.retry, wanted, 0, 10, now, DAY)
    post.hand.cut()
    [part] = post.hand.lease(post.worker)
    post.hand.settle(post.worker, post.hand.outcomes(part), finished=[part])
    post.take(post.letter(SOFT))
    assert post.effects == [Effect.FAILED, Effect.FAILED]
    assert post.hand.ask(inbound.bounced, [post.message]) == {post.message: 2}
    assert post.hand.count(tables.inbound) == 2


def test_digests_that_are_known(post):
    letter = post.letter()
    post.take(letter)
    assert post.hand.ask(inbound.known_digests, [letter.digest, "0" * 64]) == {letter.digest}
