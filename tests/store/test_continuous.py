"""Deliveries that stay open, and messages that bring their own content."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mail.states import DeliveryEvent, DeliveryStatus, MessageStatus
from store import contents, continuous, deliveries, leases, log, operator, parts, replan
from tests.store.hand import DAY, IPS, UNKNOWN_USER

TERMS = continuous.Terms(validity_s=DAY, open_s=3600.0, part_size=3)


def plan(affinity, domain):
    return domain.partition(".")[0], IPS if affinity == "main" else ()


def letter(*addresses, label="orders", affinity="main", content=b"A: b\r\n\r\nx\r\n"):
    return continuous.Letter(
        label,
        affinity,
        contents.Content(content, needs_smtputf8=False),
        [continuous.Recipient(each, each.rpartition("@")[2]) for each in addresses],
    )


def append(hand, *letters, terms=TERMS):
    return hand.do(continuous.append, letters, plan, terms, hand.clock.now())


def test_letters_of_one_label_join_one_delivery_that_is_due_at_once(hand):
    one, two = append(hand, letter("a@a.test", "b@b.test"), letter("c@a.test"))
    other, again = append(hand, letter("d@a.test", label="news"), letter("e@a.test"))
    assert one.delivery_id == two.delivery_id == again.delivery_id != other.delivery_id
    assert (one.first_message, two.first_message) == (1, 3)
    found = hand.ask(deliveries.get, one.delivery_id)
    assert found.status is DeliveryStatus.START_PENDING
    assert found.messages == 4
    queued = hand.queued()
    assert sorted((each.delivery_id, each.mx_group, each.size) for each in queued) == [
        (1, "a", 1),
        (1, "a", 2),
        (1, "b", 1),
        (2, "a", 1),
    ]


def test_a_worker_gets_the_content_with_the_message(hand):
    append(hand, letter("a@a.test", "b@a.test", content=b"X: 1\r\n\r\nshared\r\n"))
    append(hand, letter("c@a.test", content=b"X: 2\r\n\r\n" + b"y" * 500))
    held = [each for part in hand.ask(leases.messages_of, [1, 2]).values() for each in part]
    numbers = [each.content_id for each in held]
    assert numbers[0] == numbers[1] != numbers[2]
    assert set(hand.ask(contents.small, numbers, 100)) == {numbers[0]}
    assert hand.ask(contents.one, numbers[2]).content.endswith(b"yyy")


def test_an_open_delivery_is_not_over_when_all_is_sent_and_a_closed_one_is(hand):
    [joined] = append(hand, letter("a@a.test"))
    hand.do(operator.withdraw, log.Filter(), 0, 10, hand.clock.now())
    assert hand.do(deliveries.finish_complete, hand.clock.now()) == []
    hand.clock.advance(TERMS.open_s - 1)
    [later] = append(hand, letter("b@a.test"))
    assert later.delivery_id == joined.delivery_id
    found = hand.ask(deliveries.get, joined.delivery_id)
    assert found.expires_at == hand.clock.now() + TERMS.validity_s
    hand.do(operator.withdraw, log.Filter(), 0, 10, hand.clock.now())
    hand.clock.advance(1)
    [next_one] = append(hand, letter("c@a.test"))
    assert next_one.delivery_id != joined.delivery_id, "the first is closed"
    hand.clock.advance(deliveries.OPEN_GRACE_S)
    assert hand.do(deliveries.finish_complete, hand.clock.now()) == [joined.delivery_id]


def test_a_shorter_validity_shortens_nothing(hand):
    [joined] = append(hand, letter("a@a.test"))
    before = hand.ask(deliveries.get, joined.delivery_id).expires_at
    append(hand, letter("b@a.test"), terms=continuous.Terms(60.0, 3600.0, 3))
    assert hand.ask(deliveries.get, joined.delivery_id).expires_at == before


def test_a_cancelled_delivery_takes_no_more_and_a_paused_one_does(hand):
    [joined] = append(hand, letter("a@a.test"))
    hand.do(operator.steer, joined.delivery_id, DeliveryEvent.PAUSED, hand.clock.now())
    assert append(hand, letter("b@a.test"))[0].delivery_id == joined.delivery_id
    assert hand.ask(parts.queued, hand.clock.now(), 9) == []
    hand.do(operator.steer, joined.delivery_id, DeliveryEvent.CANCELLED, hand.clock.now())
    assert append(hand, letter("c@a.test"))[0].delivery_id != joined.delivery_id


def test_a_quarantined_address_is_not_sent_to_and_the_log_says_so(hand):
    delivery_id = hand.submit(["bad@a.test"])
    worker = hand.worker()
    [lent] = hand.lease(worker)
    hand.settle(worker, hand.outcomes(lent, UNKNOWN_USER), finished=[lent])
    [joined] = append(hand, letter("bad@a.test", "good@a.test"))
    found = hand.ask(log.messages, log.Filter(delivery_id=joined.delivery_id), limit=9)
    assert [(each.address, each.status) for each in found] == [
        ("bad@a.test", MessageStatus.IGNORED),
        ("good@a.test", MessageStatus.PENDING),
    ]
    assert delivery_id != joined.delivery_id
    assert [each.size for each in hand.ask(parts.queued, hand.clock.now(), 9)] == [1]


def test_a_new_domain_is_planned_by_the_scheduler_again_and_an_old_plan_stands(hand):
    [joined] = append(hand, letter("a@a.test"))
    assert hand.ask(replan.standing) == [(joined.delivery_id, 1)]
    changed = replan.Planned(joined.delivery_id, "main", "a.test", "elsewhere", IPS)
    hand.do(replan.replan, [changed], hand.clock.now())
    append(hand, letter("b@a.test", "c@new.test"))
    assert hand.ask(replan.standing) == [(joined.delivery_id, 2)]
    groups = {each.domain: each.mx_group for each in hand.ask(replan.planned, joined.delivery_id)}
    assert groups == {"a.test": "elsewhere", "new.test": "new"}
    queued = hand.ask(parts.queued, hand.clock.now(), 9)
    assert {each.mx_group for each in queued} == {"elsewhere", "new"}


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["orders", "news"]),
            st.lists(st.sampled_from(["a@a.test", "b@a.test", "c@b.test"]), min_size=1, max_size=9),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_each_recipient_is_one_message_in_one_part(hand, wanted):
    before = {each.part_id for each in hand.queued()}
    joined = append(hand, *(letter(*addresses, label=label) for label, addresses in wanted))
    for (_, addresses), where in zip(wanted, joined, strict=True):
        numbers = range(where.first_message, where.first_message + len(addresses))
        got = [hand.ask(log.message, number)[0] for number in numbers]
        assert [each.address for each in got] == addresses
        assert {each.delivery_id for each in got} == {where.delivery_id}
    new = [each for each in hand.queued() if each.part_id not in before]
    assert sum(each.size for each in new) == sum(len(addresses) for _, addresses in wanted)
    assert max(each.size for each in new) <= TERMS.part_size
