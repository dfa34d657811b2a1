"""The lab as a script holds it."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import Final, Self, TypeVar

from lab.accounts import reconciled
from lab.background import Running
from lab.configuration import Loaded, load
from lab.readiness import not_running
from lab.stores import store_of
from lab.submit.submission import Order, submit
from mail.notation import split_endpoint
from mail.states import DeliveryEvent, MessageStatus
from monitor.status import LOST_AFTER_S
from mtalab import convert, results
from mtalab.submission import Recipients, Source, message_file, recipients_file
from mtalab.temporary import file_of, temporary_folder
from mtalab.waiting import did_not_arrive, not_over, until
from sinks.control import ask
from sinks.inbox import list_inbox
from store import deliveries, log, operator
from store.engine import Store
from world.clock import SystemClock

READY_WITHIN_S: Final = 60.0
DONE_WITHIN_S: Final = 60.0
_PAGE: Final = 5000  # messages in one read
_Found = TypeVar("_Found")
_Delivery = int | results.Submission | results.Delivery


class Lab:
    """One lab: its configuration, its store and, if we started them, its processes.

    Made by ``temporary``, ``run`` or ``open``. For one thread at a time. What a command of the same
    name would refuse is refused here with the same exception.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._clock = SystemClock()
        self._store: Store = store_of(loaded)
        self._running: Running | None = None

    # -- how one gets hold of it -----------------------------------------------------------------

    @classmethod
    def open(cls, place: PathLike[str] | str = ".") -> "Lab":
        """A lab that is there, running or not; closed with ``close`` or at the end of ``with``.

        Args:
            place: its folder, or its configuration file. ``MTALAB_…`` variables count as ever.

        Raises:
            NoConfiguration, BadConfiguration: the file is not there or not valid.
            StoreUnavailable, StoreTooNew, BadStoreUrl: its store cannot be opened.
        """
        return cls(load(file_of(place), os.environ))

    @classmethod
    @contextlib.contextmanager
    def run(
        cls, place: PathLike[str] | str = ".", *, within_s: float = READY_WITHIN_S
    ) -> Iterator["Lab"]:
        """A lab that is there, with its processes running as long as the ``with``.

        Args:
            place: its folder, or its configuration file.
            within_s: how long its processes may take to come up.

        Raises:
            LabIsUp: `mtalab up` runs it already; use ``open``.
            ListenAddressUnusable: a port of a sink, or that for submission, is taken.
            LabDidNotStart: it did not come up in time.
        """
        with cls.open(place) as lab, lab.up(within_s=within_s):
            yield lab

    @classmethod
    @contextlib.contextmanager
    def temporary(
        cls,
        configuration: str | PathLike[str] | None = None,
        *,
        keep: PathLike[str] | None = None,
        within_s: float = READY_WITHIN_S,
    ) -> Iterator["Lab"]:
        """A new lab in a temporary folder, running as long as the ``with`` and gone afterwards.

        Args:
            configuration: TOML text, or a file; by default a lab with the affinity ``default`` and
                a sink that accepts mail for every domain. An address that ends in ``:0`` gets a
                free port, and so does the submission port if there is no ``[submission]``.
            keep: a folder to use instead, which stays.
            within_s: how long its processes may take to come up.

        Raises:
            BadConfiguration, LabDidNotStart, …: as ``open`` and ``run``.
        """
        with (
            temporary_folder(configuration, keep) as folder,
            cls.run(folder, within_s=within_s) as lab,
        ):
            yield lab

    @contextlib.contextmanager
    def up(self, *, within_s: float = READY_WITHIN_S) -> Iterator[None]:
        """Its processes run as long as the ``with``; raises what ``run`` does."""
        running, before = Running(self._loaded), self._running
        try:
            running.start(self._store, within_s)
            self._running = running
            yield
        finally:
            self._running = before  # one that runs already made ``start`` raise
            running.stop()

    def close(self) -> None:
        """Let go of the store; processes are not touched."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what it is ------------------------------------------------------------------------------

    @property
    def folder(self) -> Path:
        """Where its configuration is."""
        return self._loaded.path.parent

    @property
    def configuration_file(self) -> Path:
        """Its configuration; the processes follow its changes, this object does not."""
        return self._loaded.path

    def set_personality(self, sink: str, personality: str) -> None:
        """Let a running sink behave otherwise at once; it forgets nothing.

        Args:
            sink: its name.
            personality: a built-in one, or one of the configuration.

        Raises:
            SinksNotRunning: the lab's sinks do not run.
            SinksRefused: there is no such sink or personality.
        """
        request = {"do": "set", "sink": sink, "personality": personality}
        ask(self._loaded.directory, request)

    @property
    def sinks(self) -> Mapping[str, tuple[str, int]]:
        """Name of each sink → the address and port that it listens on."""
        sinks = self._loaded.configuration.sink
        return {name: split_endpoint(settings.listen) for name, settings in sinks.items()}

    @property
    def submission_port(self) -> tuple[str, int] | None:
        """Where applications submit by SMTP (``docs/submission.md``); None: it is off."""
        settings = self._loaded.configuration.submission
        return split_endpoint(settings.listen) if settings.is_on else None

    def not_running(self) -> list[str]:
        """The configured modules that do not run or have fallen silent, in words; empty: all is up.

        Judges as `mtalab status` does.
        """
        heard_since = self._clock.now() - LOST_AFTER_S
        return not_running(self._store, self._loaded, heard_since=heard_since)

    # -- in --------------------------------------------------------------------------------------

    def submit(  # noqa: PLR0913 - each by its name
        self,
        *,
        message: Source,
        recipients: Recipients,
        affinity: str,
        label: str | None = None,
        at: datetime | None = None,
        validity: timedelta | None = None,
        priority: int = 0,
        waves: str | None = None,
        hold: bool = False,
    ) -> results.Submission:
        """Queue a delivery, whole or not at all.

        Args:
            message: its source with ``{{ expressions }}``: text, bytes, an ``EmailMessage``, or the
                path of a file.
            recipients: addresses, or mappings of fields of which one is ``address`` or ``email``,
                taken one by one; or the path of a CSV or JSON-lines file.
            affinity: what to send by.
            label: its name in lists.
            at: its contact date; without a zone it is local time. None: at once.
            validity: how long it may try; None: as configured.
            priority: higher goes first.
            waves: send it in waves, such as ``30%:6h`` or ``0s=25%,6h=50%,6h=rest``.
            hold: send nothing before ``confirm``; its validity runs.

        Raises:
            BadRecipients: some are no recipients; ``rows`` tells which (``line``: its number).
            BadSubmission, BadTemplate, UnknownField, UnreadableInput: nothing was submitted.
        """
        now = self._clock.now()
        with tempfile.TemporaryDirectory(prefix="mtalab-submit-") as put_by:
            source = message_file(message, Path(put_by))
            order = Order(
                message=source,
                recipients=recipients_file(recipients, Path(put_by)),
                affinity=affinity,
                label=source.stem if label is None else label,
                contact_at=now if at is None else at.astimezone().timestamp(),
                validity_s=(
                    self._loaded.configuration.validity
                    if validity is None
                    else validity.total_seconds()
                ),
                priority=priority,
                waves=waves,
                hold=hold,
            )
            done = submit(self._store, self._loaded, self._clock, order, lambda *_: None)
        return results.Submission(
            done.delivery_id, done.messages, done.duplicates, done.quarantined, done.warnings
        )

    def confirm(self, delivery: _Delivery) -> results.Delivery:
        """Let a delivery start that was submitted with ``hold``.

        Raises:
            UnknownDelivery: there is none of that number.
            CannotNow: it is not held: confirmed already, or over.
        """
        number = _number(delivery)
        self._store.write_now(operator.steer, number, DeliveryEvent.CONFIRMED, self._clock.now())
        return self.delivery(number)

    # -- waiting ---------------------------------------------------------------------------------

    def wait(self, delivery: _Delivery, *, within_s: float = DONE_WITHIN_S) -> results.Delivery:
        """Wait until nothing of a delivery is left to send.

        One that applications may still add to (``open_until``) is waited for as far as it has come.

        Raises:
            UnknownDelivery: there is none of that number.
            NotOver: it took longer; the text says what it waits for.
        """

        def over() -> results.Delivery | None:
            found = self.delivery(delivery)
            is_done = found.open_until is not None and found.counts["pending"] == 0
            return found if found.is_over or is_done else None

        found = self._until(over, within_s)
        if found is None:
            raise not_over(
                self._store, self._loaded, self._clock, self.delivery(delivery), within_s
            )
        return found

    def wait_for_inbox(
        self,
        count: int = 1,
        *,
        sink: str | None = None,
        recipient: str | None = None,
        subject: str | None = None,
        within_s: float = DONE_WITHIN_S,
    ) -> list[results.Received]:
        """Wait until the sinks have received at least so many such messages; the newest first.

        For mail that does not come from a delivery of ours; the arguments are those of ``inbox``.

        Raises:
            DidNotArrive: it took longer.
        """

        def those(limit: int | None) -> list[results.Received]:
            return self.inbox(sink=sink, recipient=recipient, subject=subject, limit=limit)

        def arrived() -> bool | None:
            return len(those(count)) >= count or None

        if self._until(arrived, within_s) is None:
            raise did_not_arrive(len(those(count)), count, within_s)
        return those(None)

    def _until(self, look: Callable[[], _Found | None], within_s: float) -> _Found | None:
        return until(look, within_s, self._clock, self._running)

    # -- out -------------------------------------------------------------------------------------

    def delivery(self, delivery: _Delivery) -> results.Delivery:
        """A delivery as it stands now.

        Raises:
            UnknownDelivery: there is none of that number.
        """
        return convert.delivery(self._store.read_now(deliveries.get, _number(delivery)))

    def deliveries(self, limit: int = 50) -> list[results.Delivery]:
        """The deliveries, the newest first."""
        found = self._store.read_now(deliveries.find, limit=limit)
        return [convert.delivery(each) for each in found]

    def messages(
        self,
        delivery: _Delivery | None = None,
        *,
        status: results.MessageStatus | None = None,
        domain: str | None = None,
    ) -> list[results.Message]:
        """Messages in order of their number, all in memory; ``each_message`` streams.

        Args:
            delivery: of this one; None: of all.
            status: in this status.
            domain: to this recipient domain, with * and ?.

        Raises:
            UnknownDelivery: there is none of that number.
        """
        return list(self.each_message(delivery, status=status, domain=domain))

    def each_message(
        self,
        delivery: _Delivery | None = None,
        *,
        status: results.MessageStatus | None = None,
        domain: str | None = None,
    ) -> Iterator[results.Message]:
        """As ``messages``, read in pages while one iterates."""
        number = None if delivery is None else self.delivery(delivery).id
        wanted = log.Filter(
            delivery_id=number,
            status=None if status is None else MessageStatus(status),
            domain=domain,
        )
        last = 0
        while rows := self._store.read_now(log.messages, wanted, after_id=last, limit=_PAGE):
            yield from (convert.message(each) for each in rows)
            last = rows[-1].id

    def transitions(self, message: int | results.Message) -> list[results.Transition]:
        """All that happened to one message, oldest first.

        Raises:
            UnknownMessage: there is none of that number.
        """
        number = message if isinstance(message, int) else message.id
        _, changes = self._store.read_now(log.message, number)
        return [convert.transition(each) for each in changes]

    def inbox(
        self,
        *,
        sink: str | None = None,
        recipient: str | None = None,
        subject: str | None = None,
        limit: int | None = 50,
    ) -> list[results.Received]:
        """What the sinks received and kept, the newest first, contents included.

        Args:
            sink: at this sink.
            recipient: to this address, with * and ?.
            subject: with this text in the subject; case does not count.
            limit: how many at most; None: all, with all their contents in memory.
        """
        directory = self._loaded.directory
        found = list_inbox(directory, limit, sink=sink, recipient=recipient, subject=subject)
        return [convert.received(directory, each) for each in found]

    def reconcile(self, *, allow_duplicates: int = 0) -> results.Reconciliation:
        """Hold the sinks' receipts against the delivery log."""
        return convert.reconciliation(reconciled(self._store, self._loaded), allow_duplicates)


def _number(delivery: _Delivery) -> int:
    if isinstance(delivery, results.Submission):
        return delivery.delivery
    return delivery.id if isinstance(delivery, results.Delivery) else delivery
