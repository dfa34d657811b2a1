"""One request to a webhook by hand, to see whether it is taken."""

from typing import Final

import orjson

from lab.configuration import Loaded
from lab.webhook_names import TEST
from lab.webhooks.body import moment
from lab.webhooks.keys import key_of
from lab.webhooks.post import Request, post
from lab.webhooks.signing import headers
from world.chance import SeededChance
from world.clock import Clock

_SALT: Final = 12


async def trial(loaded: Loaded, index: int, clock: Clock) -> int:
    """Post a test event to a webhook of the file, by its place there; returns the status.

    Raises:
        UnusableSecret: it cannot be signed for.
        NotDelivered: it was not taken.
    """
    settings, now = loaded.configuration.webhook[index], clock.now()
    key = key_of(loaded, index)
    event = {"id": "test", "type": TEST, "timestamp": moment(now), "data": {}}
    body = orjson.dumps({"type": TEST, "timestamp": moment(now), "data": [event]})
    message = f"msg_test-{SeededChance().token(_SALT)}"
    signed = headers(key.secrets, message, int(now), body)
    return await post(Request(settings.target, signed, body, settings.timeout, key.tls))
