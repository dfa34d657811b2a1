import pytest

from mail.errors import Where
from sinks.catalogue import built_in_personalities, personality_named
from sinks.errors import PersonalityLoop, UnknownPersonality
from sinks.events import Connected, Greeted, MailFrom, RcptTo, TlsAsked
from sinks.personality import decide
from sinks.settings import Greylisting, MessageRate, Personality
from sinks.state import SinkState

WITHOUT_ENHANCED = {"gmx", "orange", "outlook", "yahoo"}  # as their postmasters document some codes


def test_each_built_in_personality_says_what_it_does():
    assert {"accept", "greylist", "tarpit", "gmail", "outlook"} <= set(built_in_personalities())
    assert all(each.description for each in built_in_personalities().values())


@pytest.mark.parametrize("name", sorted(built_in_personalities()))
def test_each_built_in_reply_is_complete_and_fits_a_line(name):
    state = SinkState(personality_named(name, {}), mx="mx.test", seed="0")
    events = [Connected(f"127.0.0.{n % 2}") for n in range(30)]
    events += [Greeted("127.0.0.1"), TlsAsked("127.0.0.1")]
    events += [MailFrom("127.0.0.1", "a@b.test", number=n) for n in range(1200)]
    local_parts = [*(f"u{n}" for n in range(500)), "unknown", "full"]
    events += [RcptTo("127.0.0.1", "a@b.test", f"{each}@x.test") for each in local_parts]
    answers = [decide(state, event, 0.0) for event in events]
    replies = [answer.reply for answer in answers if answer.reply is not None]
    for reply in replies:
        assert "{" not in reply.text
        assert reply.enhanced is not None or name in WITHOUT_ENHANCED
        # RFC 5321, 4.5.3.1.5: a reply line holds 512 octets at most.
        assert all(len(line) < 500 for line in reply.text.split("\n"))


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
