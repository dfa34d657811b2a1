"""The lab as a test holds it."""

import base64
import email.policy
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from os import PathLike, fspath
from typing import Any, Final, Self, TypeVar

from mtalab_pytest import results
from mtalab_pytest.connection import Connection
from mtalab_pytest.durations import Duration, seconds
from mtalab_pytest.errors import is_told

__tracebackhide__ = is_told

Source = bytes | str | EmailMessage | PathLike[str]
Recipient = str | Mapping[str, Any]  # an address, or fields of which one is `address` or `email`
Recipients = PathLike[str] | Iterable[Recipient]
Named = str | results.Submitted | results.Delivery | None

LOOK_S: Final = 1.0  # how often a condition is looked at: this, then ever longer
REAL_LOOK_S: Final = 0.1
_LATER: Final = 1.5
_LONGEST_LOOK_S: Final = 3600.0
# An expression must stay on one line, so no header is folded; RFC 5322 is kept when it is sent.
_POLICY: Final = email.policy.SMTP.clone(max_line_length=0)
_T = TypeVar("_T")


class Lab:
    """A running lab; made by the fixtures. A delivery is given by its name or by what it became."""

    def __init__(self, connection: Connection, made: Mapping[str, Any]) -> None:
        self._connection = connection
        self._number = made["lab"]
        self._is_open = True
        self.name: str = made["name"]
        self.is_real: bool = made["mode"] == "real"

    def __repr__(self) -> str:
        kind = "real" if self.is_real else "simulated"
        return f"<{kind} lab {self.name!r}{'' if self._is_open else ', closed'}>"

    def _ask(self, do: str, **values: Any) -> Any:
        return self._connection.ask(do, lab=self._number, **values)

    def close(self) -> None:
        """End it; nothing of it is left. Safe twice."""
        if self._is_open:
            self._is_open = False
            if self._connection.is_alive:
                self._ask("close")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what it is ------------------------------------------------------------------------------

    @property
    def elapsed(self) -> float:
        """Seconds since its beginning, in its own time."""
        return float(self._ask("state")["elapsed"])

    @property
    def now(self) -> float:
        """Its time as the times of messages are told."""
        return float(self._ask("state")["now"])

    @property
    def sinks(self) -> dict[str, tuple[str, int]]:
        """Name of each sink → address and port; to be connected to if the lab is real."""
        found = self._ask("state")["sinks"]
        return {name: (host, port) for name, (host, port) in found.items()}

    @property
    def submission_port(self) -> tuple[str, int] | None:
        """Where applications submit by SMTP to a real lab; None: its topology has it off."""
        found = self._ask("state")["submission"]
        return None if found is None else (found[0], found[1])

    # -- in --------------------------------------------------------------------------------------

    def submit(  # noqa: PLR0913 - what a delivery has, by name
        self,
        *,
        affinity: str | None = None,
        messages: int | None = None,
        domains: str | Sequence[str] | Mapping[str, int] | None = None,
        recipients: Recipients | None = None,
        message: Source | None = None,
        size: int | None = None,
        name: str | None = None,
        contact_in: Duration | None = None,
        contact: datetime | str | None = None,
        validity: Duration | None = None,
        priority: int | None = None,
        hold: bool | None = None,
        waves: str | None = None,
    ) -> results.Submitted:
        """Queue a delivery, whole or not at all; no time passes.

        Args:
            affinity: what to send by; None: the lab's, if it has one alone.
            messages: how many, to made-up recipients; 10 by default.
            domains: their domains, in turn; a mapping gives each its share.
            recipients: in place of these two: addresses, or mappings with ``address``; or a file.
            message: its source with ``{{ expressions }}``, or the path of a file; by default a
                short text.
            size: bytes of text to add to that.
            name: to call it by; by default its number.
            contact_in: it may be sent so long from now.
            contact: it may be sent from then on.
            validity: how long it may try; by default as configured.
            priority: higher goes first.
            hold: it is not confirmed yet.
            waves: as ``mtalab submit --waves`` takes it.

        Raises:
            LabError: it is refused (BadRecipients, BadTemplate, UnknownField, …).
        """
        values: dict[str, Any] = {
            "affinity": affinity,
            "messages": messages,
            "domains": _shares(domains),
            "size": size,
            "name": name,
            "contact": contact,
            "validity": validity,
            "priority": priority,
            "hold": hold,
            "waves": waves,
        }
        delivery = {key: each for key, each in values.items() if each is not None}
        listed: list[Recipient] | None = None
        if isinstance(recipients, PathLike):
            delivery["recipients"] = fspath(recipients)
        elif recipients is not None:
            listed = [recipients] if isinstance(recipients, str) else list(recipients)
        done = self._ask(
            "submit",
            delivery=delivery,
            contact_in=contact_in,
            recipients=listed,
            **_source(message),
        )
        return results.made(results.Submitted, done)

    # -- time ------------------------------------------------------------------------------------

    def run_for(self, duration: Duration) -> None:
        """Let time pass; what is due in it happens.

        Raises:
            AssertionError: an expectation of the scenario file did not hold meanwhile.
        """
        _held(self._ask("run", seconds=duration))

    def run_until(
        self,
        condition: Callable[["Lab"], _T],
        *,
        within: Duration = "1h",
        every: Duration | None = None,
    ) -> _T:
        """Let time pass until a condition is true; returns what it returned.

        Args:
            condition: asked with the lab.
            within: how long it may take.
            every: how often it is asked; by default after a second (of a real lab: a tenth), and
                in a simulated lab then ever less often.

        Raises:
            AssertionError: it did not become true in time.
        """
        left = seconds(within)
        first = REAL_LOOK_S if self.is_real else LOOK_S
        step = first if every is None else seconds(every)
        while not (found := condition(self)):
            if left <= 0:
                raise AssertionError(
                    f"expected the condition to become true within {within}, it did not"
                    f"{self._state()}"
                )
            self.run_for(min(step, left))
            left -= step
            if every is None and not self.is_real:
                step = min(step * _LATER, _LONGEST_LOOK_S)
        return found

    def run_until_done(self, *deliveries: Named, within: Duration | None = None) -> None:
        """Let time pass until nothing is pending any more, of these deliveries or of all.

        Args:
            deliveries: none: all.
            within: how long it may take; by default an hour, or of a real lab a minute.

        Raises:
            AssertionError: something is still pending; what it waits for is in the text.
        """
        if not self.is_done(*deliveries, within=within):
            raise AssertionError(
                f"expected nothing to be pending within {self._within(within)}{self._state()}"
            )

    def is_done(self, *deliveries: Named, within: Duration | None = None) -> bool:
        """The same as an answer: whether nothing is pending in time."""
        names = [_name(each) for each in deliveries]
        answer = self._ask("run_until_done", deliveries=names, within=self._within(within))
        _held(answer)
        return bool(answer["done"])

    def _within(self, within: Duration | None) -> Duration:
        if within is not None:
            return within
        return "60s" if self.is_real else "1h"

    def play(self) -> None:
        """Let the rest of the scenario file happen, to its end, and see what it expects.

        Raises:
            AssertionError: something is not as it expects.
        """
        _held(self._ask("play"))

    # -- what happens ----------------------------------------------------------------------------

    def act(self, do: str, **values: Any) -> None:
        """Let an event of scenario files happen now: ``act("kill", what="worker of mta@m1")``.

        Args:
            do: which.
            values: its keys; an underscore at the end is dropped (``is_="silent"``).
        """
        event = {key.rstrip("_"): _called(each) for key, each in values.items()}
        self._ask("do", event={"do": do, **event})

    def configure(
        self, changes: Mapping[str, Any] | None = None, *, remove: Sequence[str] = ()
    ) -> None:
        """Edit the configuration while the lab runs.

        Args:
            changes: dotted key → new value: ``{"mta.m1.affinities": ["promo"]}``.
            remove: dotted keys that go.
        """
        self.act("configure", set=dict(changes or {}), remove=list(remove))

    # -- out -------------------------------------------------------------------------------------

    def expect(self, **expected: Any) -> None:
        """Hold an expectation of scenario files against what is so now.

        Raises:
            AssertionError: with what was expected, what was seen, and why.
        """
        values = {key: _called(each) for key, each in expected.items()}
        _held(self._ask("expect", expect=values))

    def counts(self, delivery: Named = None) -> dict[str, int]:
        """Messages by status, of one delivery or of all; every status is there."""
        return dict(self._ask("counts", delivery=_name(delivery)))

    def deliveries(self) -> list[results.Delivery]:
        """All deliveries, the oldest first."""
        return [results.made(results.Delivery, each) for each in self._ask("deliveries")]

    def delivery(self, delivery: Named = None) -> results.Delivery:
        """A delivery as it stands; None: the last one."""
        name = _name(delivery)
        if name is not None:
            self.counts(name)  # tells of a name that none has
        found = self.deliveries()
        return [each for each in found if name in (None, each.name)][-1]

    def messages(
        self, delivery: Named = None, *, status: str | None = None, domain: str | None = None
    ) -> list[results.Message]:
        """Messages in order of their number.

        Args:
            delivery: of this one; None: of all.
            status: in this status.
            domain: to this recipient domain, with * and ?.
        """
        found: list[results.Message] = []
        wanted = {"delivery": _name(delivery), "status": status, "domain": domain}
        while page := self._ask("messages", after=found[-1].id if found else 0, **wanted):
            found += [results.made(results.Message, each) for each in page]
        return found

    def transitions(self, message: int | results.Message) -> list[results.Transition]:
        """All that happened to one message, oldest first."""
        number = message if isinstance(message, int) else message.id
        found = self._ask("transitions", message=number)
        return [results.made(results.Transition, each) for each in found]

    def inbox(
        self,
        *,
        recipient: str | None = None,
        sink: str | None = None,
        subject: str | None = None,
        limit: int | None = None,
    ) -> list[results.Received]:
        """What the sinks received and kept, the newest first.

        Args:
            recipient: to this address, with * and ?.
            sink: at this sink.
            subject: with this text in the subject; case does not count.
            limit: how many at most.
        """
        found = self._ask("inbox", recipient=recipient, sink=sink, subject=subject, limit=limit)
        return [results.received(each) for each in found]

    def why(
        self, delivery: Named = None, *, message: int | results.Message | None = None
    ) -> results.Why:
        """Why what is pending is pending: of all, of one delivery, or of one message."""
        number = message.id if isinstance(message, results.Message) else message
        return results.why(self._ask("why", delivery=_name(delivery), message=number))

    def events(self) -> list[dict[str, Any]]:
        """The event log, as ``mtalab export`` writes it."""
        return list(self._ask("events"))

    def reconcile(self) -> dict[str, Any]:
        """The sinks' receipts held against the delivery log, as ``mtalab reconcile --json``."""
        return dict(self._ask("reconcile"))

    def said(self) -> list[str]:
        """What the lab's processes said, line by line."""
        return list(self._ask("said")["lines"])

    @property
    def causes(self) -> tuple[str, ...]:
        """All codes of causes, and of progress."""
        return self._connection.causes

    def _state(self) -> str:
        """How it stands, for a failure."""
        counts = ", ".join(f"{name} {count}" for name, count in self.counts().items() if count)
        return f"\n  seen: {counts or 'no message'}\n  {indented(str(self.why()))}"


def indented(text: str) -> str:
    """Lines after the first as far in as it."""
    return text.replace("\n", "\n  ")


def _held(answer: Mapping[str, Any]) -> None:
    failures = [str(each["text"]) for each in answer["failures"]]
    if failures:
        raise AssertionError("\n".join(failures))


def _name(delivery: Named) -> str | None:
    if delivery is None or isinstance(delivery, str):
        return delivery
    return delivery.name


def _called(value: Any) -> Any:
    """A delivery by its name; anything else as it is."""
    return _name(value) if isinstance(value, results.Submitted | results.Delivery) else value


def _shares(domains: str | Sequence[str] | Mapping[str, int] | None) -> dict[str, int] | None:
    match domains:
        case None:
            return None
        case str():
            return {domains: 1}
        case Mapping():
            return dict(domains)
        case _:
            return dict.fromkeys(domains, 1)


def _source(message: Source | None) -> dict[str, str]:
    match message:
        case None:
            return {}
        case PathLike():
            return {"message_file": fspath(message)}
        case EmailMessage():
            source = message.as_bytes(policy=_POLICY)
        case str():
            source = message.encode()
        case _:
            source = message
    return {"message": base64.b64encode(source).decode()}
