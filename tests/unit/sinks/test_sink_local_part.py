import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.reply import Reply
from sinks.local_part import Drop, Wish, wish_of


@pytest.mark.parametrize(
    ("local", "code", "enhanced"),
    [
        ("bounce", 550, "5.1.1"),
        ("bounce-552", 552, "5.2.2"),
        ("bounce-550-5.7.1", 550, "5.7.1"),
        ("defer", 451, "4.3.0"),
        ("defer-451", 451, "4.3.0"),
        ("defer-421-4.7.0", 421, "4.7.0"),
        ("BOUNCE-550-5.1.1", 550, "5.1.1"),
        ("bounce-599", 599, "5.0.0"),
        ("anna+bounce-554", 554, "5.7.1"),
    ],
)
def test_an_address_asks_for_a_reply(local, code, enhanced):
    wish = wish_of(f"{local}@example.test")
    assert wish is not None
    assert wish.reply is not None
    assert wish.reply.code == code
    assert str(wish.reply.enhanced) == enhanced
    assert len(wish.reply.text) > len(enhanced) + 5


@pytest.mark.parametrize(
    ("local", "wish"),
    [
        ("defer2x", Wish(defer_times=2)),
        ("user+defer10x", Wish(defer_times=10)),
        ("slow-3s", Wish(slow_s=3)),
        ("slow-500ms", Wish(slow_s=0.5)),
        ("slow-1.5s", Wish(slow_s=1.5)),
        ("slow-2m", Wish(slow_s=120)),
        ("slow-3s.defer2x", Wish(slow_s=3, defer_times=2)),
        ("slow-1s.drop", Wish(slow_s=1, drop=Drop.RCPT)),
        ("drop", Wish(drop=Drop.RCPT)),
        ("drop-body", Wish(drop=Drop.BODY)),
        ("x+drop-reply", Wish(drop=Drop.REPLY)),
    ],
)
def test_an_address_asks_for_a_behaviour(local, wish):
    assert wish_of(f"{local}@example.test") == wish


def test_a_slow_bounce_is_both():
    wish = wish_of("slow-2s.bounce-550-5.1.1@example.test")
    assert wish == Wish(reply=Reply(550, "5.1.1 No mailbox here by that name"), slow_s=2)


@pytest.mark.parametrize(
    "address",
    [
        "anna@example.test",
        "bouncer@example.test",
        "bounce-250@example.test",
        "slow-poke@example.test",
        "slow-3s.@example.test",
        "slow-3s.dora@example.test",
        "defer2@example.test",
        "dropbox@example.test",
        "anna@bounce-550.test",
        "+@example.test",
        "@example.test",
        "postmaster",
        "bounce+anna@example.test",
    ],
)
def test_an_ordinary_address_asks_for_nothing(address):
    assert wish_of(address) is None


@given(st.text())
def test_any_address_is_read_without_error(address):
    wish_of(address)


@given(st.sampled_from(["bounce", "defer"]), st.integers(400, 599))
def test_any_refusing_code_can_be_asked_for(word, code):
    wish = wish_of(f"{word}-{code}@example.test")
    assert wish is not None
    assert wish.reply is not None
    assert wish.reply.code == code
    enhanced = wish.reply.enhanced
    assert enhanced is not None
    assert enhanced.klass == code // 100
