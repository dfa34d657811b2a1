"""A mail as it would go to one recipient: made from what the store has, and sent to nobody."""

from dataclasses import dataclass

import orjson

from mail.message_id import message_id_header, return_path
from mta.errors import BadTemplate, PersonalizationError
from mta.render import Personal, compile_source
from store import contents, deliveries, keys, log, mirrored
from store.engine import Tx
from tracking.rewriting import links_of_delivery


@dataclass(frozen=True, slots=True)
class ToSend:
    """``content`` None: it cannot be made, and ``why`` says why; ``sender`` is its return path."""

    content: bytes | None
    sender: str
    is_ready_made: bool  # by an application that submitted it
    why: str = ""


def made_for(tx: Tx, message: log.Message, domain: str, now: float) -> ToSend:
    """The mail of a message, without signatures; ``now`` is its Date."""
    sender = return_path(domain, message.delivery_id, message.id, keys.keys(tx))
    own = mirrored.ingredients(tx, message.delivery_id, message.id)
    if own is None:
        found = contents.of_message(tx, message.id)
        if found is None:
            return ToSend(None, sender, is_ready_made=True, why="Its content is gone.")
        return ToSend(found.content, sender, is_ready_made=True)
    file, source = deliveries.source_of(tx, message.delivery_id)
    personal = Personal(
        message_id=message.id,
        delivery_id=message.delivery_id,
        address=own.address,
        fields=orjson.loads(own.fields),
        date=now,
        message_id_header=message_id_header(message.delivery_id, message.id, domain),
        return_path=sender,
        list_id=f"<delivery-{message.delivery_id}.{domain}>",
    )
    try:
        links = links_of_delivery(tx, message.delivery_id)
        rendered = compile_source(source, file, links).render(personal)
    except (BadTemplate, PersonalizationError) as error:
        return ToSend(None, sender, is_ready_made=False, why=str(error))
    return ToSend(rendered.content, sender, is_ready_made=False)
