"""The mirror page: the HTML of a message made anew from what the store has of it."""

import orjson

from mta.errors import BadTemplate, PersonalizationError
from mta.render import Personal, compile_source
from store import deliveries
from store.engine import Tx
from store.errors import UnknownDelivery
from store.mirrored import ingredients
from tracking.rewriting import links_of_delivery


def html_of(tx: Tx, delivery_id: int, message_id: int) -> str | None:
    """The HTML of a message as it was sent, with its links and without the open pixel.

    Returns:
        None if it has no HTML, is not there any more, or can no longer be made.
    """
    try:
        file, source = deliveries.source_of(tx, delivery_id)
        own = ingredients(tx, delivery_id, message_id)
        if own is None:
            return None
        links = links_of_delivery(tx, delivery_id, has_pixel=False)
        personal = Personal(
            message_id=message_id,
            delivery_id=delivery_id,
            address=own.address,
            fields=orjson.loads(own.fields),
            date=0.0,  # of headers, which are not shown
            message_id_header="",
            return_path="",
        )
        return compile_source(source, file, links).html(personal)
    except (UnknownDelivery, BadTemplate, PersonalizationError):
        return None
