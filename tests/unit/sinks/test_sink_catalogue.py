import pytest

from mail.errors import Where
from sinks.catalogue import built_in_personalities, personality_named
from sinks.errors import PersonalityLoop, UnknownPersonality
from sinks.events import Connected, MailFrom, RcptTo
from sinks.personality import decide
from sinks.settings import Greylisting, MessageRate, Personality
from sinks.state import SinkState


def test_the_built_in_personalities_are_these():
    assert set(built_in_personalities()) == {
        "accept",
        "greylist",
        "slow",
        "rate_limited",
        "unknown_users",
        "busy",
        "full_mailboxes",
    }
    assert all(each.description for each in built_in_personalities().values())


@pytest.mark.parametrize("name", sorted(built_in_personalities()))
def test_each_built_in_reply_has_an_enhanced_code_and_no_open_brace(name):
    state = SinkState(personality_named(name, {}), mx="mx.test", seed="0")
    events = [Connected("127.0.0.1") for _ in range(10)]
    events += [MailFrom("127.0.0.1", "a@b.test") for _ in range(700)]
    events += [RcptTo("127.0.0.1", "a@b.test", f"u{n}@x.test") for n in range(500)]
    replies = [reply for e in events if (reply := decide(state, e, 0.0).reply) is not None]
    assert all(reply.enhanced is not None and "{" not in reply.text for reply in replies)
    assert bool(replies) == (name not in {"accept", "slow"})


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownPersonality) as caught:
        personality_named("graylist", {}, Where("mtalab.toml", "sink.mx1.personality"))
    assert "there is no personality 'graylist'" in str(caught.value)
    assert "Did you mean 'greylist'?" in str(caught.value)
    assert str(caught.value).startswith("mtalab.toml: sink.mx1.personality")


def test_a_name_near_to_none_is_answered_with_all_of_them():
    with pytest.raises(UnknownPersonality, match=r"Known are: accept, .*zebra_?9"):
        personality_named("qqqqqq", {"zebra9": Personality()})


def test_a_users_own_personality_comes_before_the_built_in_one():
    own = {"greylist": Personality(greylist=Greylisting(delay=1.0))}
    found = personality_named("greylist", own)
    assert found.greylist == Greylisting(delay=1.0)


def test_a_personality_starts_from_the_one_that_it_extends():
    own = {
        "fast_grey": Personality(extends="greylist", rate=MessageRate(messages=1, per=1.0)),
        "greylist": Personality(extends="greylist", seed=7),
    }
    found = personality_named("fast_grey", own)
    assert found.seed == 7
    assert found.rate == MessageRate(messages=1, per=1.0)
    assert found.greylist == built_in_personalities()["greylist"].greylist


def test_a_circle_of_personalities_is_refused():
    own = {"a": Personality(extends="b"), "b": Personality(extends="a")}
    with pytest.raises(PersonalityLoop, match="a → b → a"):
        personality_named("a", own)
    with pytest.raises(PersonalityLoop, match="c → c"):
        personality_named("c", {"c": Personality(extends="c")})


def test_an_unknown_name_after_extends_says_where_it_stands():
    with pytest.raises(UnknownPersonality, match=r"personality\.a\.extends"):
        personality_named("a", {"a": Personality(extends="bussy")})
