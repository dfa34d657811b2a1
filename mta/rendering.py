"""Contents for envelopes: each delivery's source is read and compiled once and kept for a while."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

import orjson

from mail.message_id import message_id_header, return_path
from mta.contents import Contents
from mta.errors import BadTemplate, PersonalizationError
from mta.held import HeldMessage
from mta.render import Personal, Template, Tracking, compile_source
from mta.session.envelope import Envelope
from mta.settings import MtaSettings
from store import deliveries
from store.engine import Store, Tx
from store.leases import PartMessage
from world.clock import Clock

# What becomes of a delivery's links; None: nothing.
TrackingOf = Callable[[Tx, int], Tracking | None]
TEMPLATES_MAX: Final = 64  # a worker rarely has more deliveries in hand at once


class Rendering:
    """Makes the envelope of one held message after another.

    A message is made from its delivery's source, or goes out as an application submitted it.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Callable[[], MtaSettings],
        tracking_of: TrackingOf = lambda *_: None,
    ) -> None:
        self._store, self._clock, self._settings = store, clock, settings
        self._tracking_of = tracking_of
        self._templates: OrderedDict[int, Template | BadTemplate] = OrderedDict()
        self._contents = Contents(store)

    async def prepare_contents(self, messages: Iterable[PartMessage]) -> None:
        """Have the contents of those that bring their own at hand."""
        await self._contents.prepare(each.content_id for each in messages)

    async def prepare(self, delivery_ids: Iterable[int]) -> None:
        """Have the templates of all these deliveries ready, and drop those long unneeded."""
        needed = set(delivery_ids)
        for delivery_id in sorted(needed):
            if delivery_id in self._templates:
                self._templates.move_to_end(delivery_id)
                continue
            file, source, tracking = await self._store.read(self._read, delivery_id)
            try:
                self._templates[delivery_id] = compile_source(source, file, tracking)
            except BadTemplate as error:
                self._templates[delivery_id] = error
        for delivery_id in [each for each in self._templates if each not in needed]:
            if len(self._templates) <= TEMPLATES_MAX:
                break
            del self._templates[delivery_id]

    def _read(self, tx: Tx, delivery_id: int) -> tuple[str, bytes, Tracking | None]:
        """In one transaction: what an operator says of the links before may not come between."""
        file, source = deliveries.source_of(tx, delivery_id)
        return file, source, self._tracking_of(tx, delivery_id)

    def envelope(self, held: HeldMessage) -> Envelope | PersonalizationError:
        """The message, ready to send, or why it cannot be made."""
        delivery_id, message = held.part.lease.delivery_id, held.message
        if message.content_id is not None:
            return self._submitted(held, message.content_id)
        template = self._templates[delivery_id]
        if isinstance(template, BadTemplate):
            return PersonalizationError(str(template))
        domain = self._settings().domain
        sender = return_path(domain, delivery_id, message.message_id)
        try:
            rendered = template.render(
                Personal(
                    message_id=message.message_id,
                    delivery_id=delivery_id,
                    address=message.address,
                    fields=orjson.loads(message.fields),
                    date=self._clock.now(),
                    message_id_header=message_id_header(delivery_id, message.message_id, domain),
                    return_path=sender,
                    list_id=f"<delivery-{delivery_id}.{domain}>",
                )
            )
        except PersonalizationError as error:
            return error
        return Envelope(
            message.message_id,
            sender,
            message.address,
            self._signed(rendered.content),
            rendered.needs_smtputf8,
            held,
            rendered.is_dotless,
        )

    def _signed(self, content: bytes) -> bytes:
        return self._settings().signer.signed(content, self._clock.now())

    def _submitted(self, held: HeldMessage, content_id: int) -> Envelope:
        """A message as it was submitted; the return path is ours, so that bounces find it."""
        delivery_id, message = held.part.lease.delivery_id, held.message
        found = self._contents.content(content_id)
        return Envelope(
            message.message_id,
            return_path(self._settings().domain, delivery_id, message.message_id),
            message.address,
            self._signed(found.content),
            found.needs_smtputf8,
            held,
        )
