"""A sink whose personality asks nothing answers as if it had looked at everything."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.events import (
    Connected,
    DataBegins,
    Disconnected,
    EndOfData,
    Greeted,
    Leaving,
    MailFrom,
    RcptTo,
    TlsAsked,
)
from sinks.personality import decide
from sinks.settings import Personality
from sinks.state import SinkState

IPS = st.sampled_from(["127.0.0.1", "127.0.0.2"])
WHO = st.sampled_from(
    [
        "anna@a.test",
        "defer2x@a.test",
        "slow-2s@a.test",
        "drop-body@a.test",
        "x+drop-reply@a.test",
        "bounce-552@a.test",
        "drop@a.test",
        "slow-1s.defer@a.test",
        "bounce-later-5.2.2@a.test",
    ]
)
EVENTS = st.one_of(
    st.builds(Connected, IPS),
    st.builds(Disconnected, IPS),
    st.builds(Greeted, IPS, st.booleans()),
    st.builds(TlsAsked, IPS),
    st.builds(MailFrom, IPS, WHO, st.integers(1, 3), st.booleans()),
    st.builds(RcptTo, IPS, WHO, WHO),
    st.builds(DataBegins, IPS, WHO, st.lists(WHO, min_size=1, max_size=2)),
    st.builds(EndOfData, IPS, WHO, st.lists(WHO, min_size=1, max_size=2)),
    st.builds(Leaving, IPS),
)


@given(st.lists(EVENTS, max_size=20))
def test_both_ways_give_the_same_answers(events):
    quick = SinkState(Personality(), mx="mx.test", seed="0")
    careful = SinkState(Personality(), mx="mx.test", seed="0")
    assert quick.is_plain
    careful.is_plain = False
    for now, event in enumerate(events):
        assert decide(quick, event, float(now)) == decide(careful, event, float(now))


def test_whatever_a_personality_is_asked_to_do_makes_it_other_than_plain():
    asked = {
        "require_tls": True,
        "latency": {"mail": "1s"},
        "refuse": [{"stage": "mail", "reply": "450 4.2.1 No"}],
        "stall": [{"stage": "mail"}],
        "drop": [{"stage": "mail"}],
        "unknown_users": {"share": 0.1},
        "defer": {},
        "greylist": {},
        "rate": {"messages": 1, "per": "1s"},
        "quota": [{"of": "ip", "messages": 1}],
        "connections": {"max": 1},
        "reputation": {},
    }
    silent = {"description", "extends", "seed", "greeting", "extensions", "size_limit"}
    silent |= {"certificate", "tarpit", "slow_close"}
    silent |= {"bounce_later", "auto_reply", "complain"}  # what comes afterwards answers nothing
    assert asked.keys() | silent == Personality.model_fields.keys(), "a key that nobody thought of"
    for key, value in asked.items():
        personality = Personality.model_validate({key: value})
        assert not SinkState(personality, mx="mx.test", seed="0").is_plain, key
