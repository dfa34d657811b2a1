import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from mail.notation import split_endpoint
from sinks.catalogue import built_in_personalities, personalities_from, personality_named
from sinks.faults import Cut, Refusal, SlowClose, Stall, Tarpit
from sinks.fields import reply_of
from sinks.settings import (
    ConnectionLimit,
    Delay,
    Greylisting,
    Latency,
    MessageRate,
    Personality,
    SinkSettings,
    UnknownUsers,
)
from sinks.standing import Quota, Reputation, Step


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500ms", 0.5), ("10s", 10), ("5m", 300), ("1.5h", 5400), ("2d", 172800)],
)
def test_a_duration_is_read_with_its_unit(text, expected):
    assert Greylisting(delay=text).delay == expected


@pytest.mark.parametrize("text", ["5", "5 minutes", "-1s", "", "m"])
def test_what_is_no_duration_is_refused_with_examples(text):
    with pytest.raises(ValidationError, match="500ms"):
        Greylisting(delay=text)


def test_a_latency_is_a_duration_or_a_duration_with_jitter():
    latency = Latency(mail="40ms", rcpt={"time": "1s", "jitter": "500ms"}, data=2)
    assert latency.mail == Delay(time=0.04)
    assert latency.rcpt == Delay(time=1, jitter=0.5)
    assert latency.data.time == 2
    assert latency.greeting.time == 0


@pytest.mark.parametrize("listen", ["127.0.0.1:2525", "[::1]:2525"])
def test_a_sink_listens_on_an_address_and_a_port(listen):
    host, port = split_endpoint(SinkSettings(listen=listen).listen)
    assert host in {"127.0.0.1", "::1"}
    assert port == 2525


@pytest.mark.parametrize("listen", ["localhost:25", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000"])
def test_a_host_name_or_a_port_out_of_range_is_refused(listen):
    with pytest.raises(ValidationError, match="listen"):
        SinkSettings(listen=listen)


@pytest.mark.parametrize("reply", ["250 Ok", "User unknown", "999 x", "550 a\r\nb", "5501 x"])
def test_a_refusal_needs_a_4xx_or_5xx_reply_on_clean_lines(reply):
    with pytest.raises(ValidationError, match=r"550 5\.1\.1"):
        UnknownUsers(reply=reply)


def test_a_refusal_may_be_a_bare_code():
    assert reply_of(UnknownUsers(reply="550").reply).code == 550


def test_a_reply_may_have_several_lines():
    text = UnknownUsers(reply="550 5.1.1 Unknown\n5.1.1 Really").reply
    assert reply_of(text).text == "5.1.1 Unknown\n5.1.1 Really"


def test_only_a_rule_may_drop_the_connection():
    assert Refusal(stage="rcpt", reply="drop").reply == "drop"
    with pytest.raises(ValidationError):
        MessageRate(messages=1, per="1s", reply="drop")


def test_a_rule_may_not_ask_for_what_is_unknown_at_its_stage():
    with pytest.raises(ValidationError, match="not known yet"):
        Refusal(stage="mail", reply="550 no", recipients=["a@*"])
    with pytest.raises(ValidationError, match="not known yet"):
        Refusal(stage="connect", reply="550 no", senders=["a@*"])


def test_an_unknown_key_is_refused():
    with pytest.raises(ValidationError, match="greylisting"):
        Personality.model_validate({"greylisting": {}})


def test_every_field_says_what_it_is():
    models = (SinkSettings, Personality, Refusal, Stall, Cut, Tarpit, SlowClose, Greylisting)
    for model in (*models, MessageRate, Latency, Delay, ConnectionLimit, Quota, Reputation, Step):
        for name, info in model.model_fields.items():
            assert info.description, f"{model.__name__}.{name}"


def test_the_personality_of_the_documentation_is_one():
    page = Path(__file__).parents[3] / "docs" / "sinks.md"
    text = page.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    tables = tomllib.loads(text)["personality"]
    found = personality_named("moody", personalities_from(tables))
    assert found.greeting == personality_named("gmail", {}).greeting
    assert [each.stage for each in found.drop] == ["mail", "content", "body"]


def test_every_built_in_personality_is_documented():
    page = (Path(__file__).parents[3] / "docs" / "sinks.md").read_text("utf-8")
    assert [each for each in built_in_personalities() if f"`{each}`" not in page] == []


def test_a_tarpit_may_be_a_pause_alone():
    assert Personality.model_validate({"tarpit": "10ms"}).tarpit == Tarpit(pause=0.01)
