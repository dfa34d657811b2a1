"""What is read about one address and one message: whole, in order, and nothing of others."""

from lab.web.of_address import OfAddresses
from mail.address import parse_address
from mail.address_status import AddressStatus
from store import address_history, address_search, addresses, beside, log
from store.address_search import Selection
from tests.store.hand import DEFERRED, UNKNOWN_USER

ANN = parse_address("ann@a.test")


def numbers(found):
    return [each.id for each in found]


def test_messages_that_come_later_are_found_too(hand, store, clock):
    of = OfAddresses(store, clock)
    assert of.messages(ANN) == []
    first = hand.submit(["ann@a.test", "bob@a.test"])
    assert [each.delivery_id for each in of.messages(ANN)] == [first]
    second = hand.submit(["bob@a.test", "ann@a.test"])
    found = of.messages(ANN)
    assert [each.delivery_id for each in found] == [second, first]
    assert {each.address for each in found} == {"ann@a.test"}
    clock.advance(3600)
    assert numbers(of.messages(ANN)) == numbers(found)


def test_neighbours_are_of_the_same_delivery(hand):
    first = hand.submit(["a@a.test", "b@a.test", "c@a.test"])
    hand.submit(["d@a.test"])
    one, two, three = numbers(hand.ask(log.messages, log.Filter(delivery_id=first)))
    assert hand.ask(beside.beside, first, one) == beside.Beside(None, two)
    assert hand.ask(beside.beside, first, two) == beside.Beside(one, three)
    assert hand.ask(beside.beside, first, three) == beside.Beside(two, None)


def test_errors_of_an_address_are_those_of_its_messages_the_newest_first(hand):
    delivery = hand.submit(["ann@a.test", "bob@b.test"])
    author = hand.worker()
    for part in hand.lease(author):
        hand.settle(author, hand.outcomes(part, DEFERRED))
    own = numbers(hand.messages(delivery_id=delivery, domain="a.test"))
    assert [each.text for each in hand.ask(address_history.errors_of, own)] == ["4.7.1 later"]
    again = hand.submit(["ann@a.test"])
    for part in hand.lease(author):
        hand.settle(author, hand.outcomes(part, UNKNOWN_USER))
    other = numbers(hand.messages(delivery_id=again))
    found = hand.ask(address_history.errors_of, [*own, *other])
    assert [each.text for each in found] == ["5.1.1 who?", "4.7.1 later"]
    assert hand.ask(address_history.errors_of, []) == []


def test_a_release_in_bulk_leaves_alone_what_was_decided_by_hand(hand, clock):
    for status in AddressStatus:
        hand.do(addresses.decide, [f"{status}@a.test"], status, clock.now(), "")
    bulk = Selection(domain="a.test").for_release()
    found = {each.address for each in hand.ask(address_search.find, bulk)}
    assert found == {"quarantined@a.test", "with_errors@a.test"}
    named = Selection(address="denylisted@a.test").for_release()
    assert hand.ask(address_search.count, named) == 1
    assert Selection(statuses=(AddressStatus.VALID,)).for_release().statuses == ()


def test_a_piece_of_an_address_is_taken_for_what_it_is(hand, clock):
    hand.do(
        addresses.decide, ["A_b@a.test", "axb@a.test"], AddressStatus.DENYLISTED, clock.now(), ""
    )
    found = hand.ask(address_search.find, Selection(piece="a_B"))
    assert [each.address for each in found] == ["A_b@a.test"]
