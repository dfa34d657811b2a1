"""What a personality does, in short lines for people: one for each thing that is not as usual."""

from collections.abc import Iterator

from mail.notation import said_duration
from sinks.faults import Cut, Refusal, Stall
from sinks.fields import DROP, Aimed
from sinks.settings import EXTENSIONS, ConnectionLimit, Latency, Personality
from sinks.standing import Quota, Reputation

_OF = {"ip": "each IP", "sender": "each sender", "recipient": "each mailbox", "all": "all together"}


def traits(personality: Personality) -> list[str]:
    """In the order in which a session meets them; nothing: it takes everything at once."""
    return [
        *_greeting(personality),
        *_limits(personality),
        *_faults(personality),
        *_recipients(personality),
        *_afterwards(personality),
    ]


def _greeting(personality: Personality) -> Iterator[str]:
    missing = [each for each in EXTENSIONS if each not in personality.extensions]
    if missing:
        yield f"does not offer {', '.join(missing)}"
    if personality.certificate != "none":
        yield f"offers STARTTLS; certificate: {personality.certificate.replace('_', ' ')}"
    if personality.require_tls:
        yield "takes mail after STARTTLS only"
    if personality.size_limit is not None:
        yield f"takes messages of {personality.size_limit:,} bytes at most"
    yield from _latency(personality.latency)
    if personality.tarpit is not None:
        yield "says its replies a few bytes at a time"
    if personality.slow_close is not None:
        yield "closes late"


def _latency(latency: Latency) -> Iterator[str]:
    slow = [
        f"{stage} {said_length(delay.time)}" + (" and more" if delay.jitter else "")
        for stage, delay in latency
        if delay.time or delay.jitter
    ]
    if slow:
        yield f"waits before replies: {', '.join(slow)}"


def said_length(seconds: float) -> str:
    """A duration that may be shorter than a second."""
    return f"{round(seconds * 1000)} ms" if seconds < 1 else said_duration(seconds)


def _limits(personality: Personality) -> Iterator[str]:
    if personality.connections is not None:
        yield from _connections(personality.connections)
    if personality.rate is not None:
        rate = personality.rate
        yield f"takes {rate.messages:,} messages in {said_length(rate.per)} from each IP"
    yield from (_quota(each) for each in personality.quota)
    if personality.reputation is not None:
        yield from _reputation(personality.reputation)


def _connections(limit: ConnectionLimit) -> Iterator[str]:
    if limit.max is not None:
        yield f"{limit.max} connections at once from each IP"
    if limit.total is not None:
        yield f"{limit.total} connections at once in all"
    if limit.messages is not None:
        yield f"{limit.messages} messages in a connection"


def _quota(quota: Quota) -> str:
    return f"takes {quota.messages:,} messages a day of {_OF[quota.of]}, from {quota.resets} UTC"


def _reputation(settings: Reputation) -> Iterator[str]:
    for step in settings.steps:
        some = "" if step.share == 1 else f" to {step.share:.0%}"
        yield f"below a reputation of {step.below:g}: {step.reply}{some}"
    if not settings.steps:
        yield "keeps a reputation of each source, which brings nothing"


def _faults(personality: Personality) -> Iterator[str]:
    yield from (f"{_aimed(each)}: {_refusal(each)}" for each in personality.refuse)
    for stall in personality.stall:
        yield f"{_aimed(stall)}: {_stall(stall)}"
    for cut in personality.drop:
        yield f"{_aimed(cut)}: {_cut(cut)}"


def _aimed(rule: Aimed) -> str:
    where = {"body": "end of data", "connect": "connection"}.get(rule.stage, rule.stage.upper())
    of = [f"{rule.share:.0%} of {rule.share_of}"] if rule.share < 1 else []
    of += [", ".join(masks) for masks in (rule.recipients, rule.senders, rule.peers) if masks]
    return f"at {where}" + (f", {'; '.join(of)}" if of else "")


def _refusal(rule: Refusal) -> str:
    return "the connection ends" if rule.reply == DROP else rule.reply


def _stall(rule: Stall) -> str:
    return "silence for ever" if rule.time is None else f"silence for {said_length(rule.time)}"


def _cut(rule: Cut) -> str:
    kept = ", the message is kept" if rule.kept else ""
    return f"the connection ends {rule.when} the reply{kept}"


def _recipients(personality: Personality) -> Iterator[str]:
    unknown = personality.unknown_users
    if unknown is not None:
        of = [f"{unknown.share:.0%} of addresses"] if unknown.share else []
        yield f"does not know {', '.join([*of, *unknown.recipients])}: {unknown.reply}"
    if personality.defer is not None:
        times = "once" if personality.defer.times == 1 else f"{personality.defer.times} times"
        yield f"puts each recipient off {times}: {personality.defer.reply}"
    if personality.greylist is not None:
        greylist = personality.greylist
        yield f"greylists for {said_length(greylist.delay)}: {greylist.reply}"


def _afterwards(personality: Personality) -> Iterator[str]:
    for later, what in (
        (personality.bounce_later, "bounce later"),
        (personality.auto_reply, "answer that they are away"),
    ):
        if later is not None:
            yield f"{later.share:.0%} of addresses {what}"
    if personality.complain is not None:
        yield f"{personality.complain.share:.0%} of messages are complained of as spam"
