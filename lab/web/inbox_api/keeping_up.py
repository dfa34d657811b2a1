"""Received mail is taken in while nobody asks, so that who asks for it need not wait."""

import asyncio
import contextlib
from typing import Final

from lab.web.lab_here import LabHere
from mail.errors import EnvironmentFault

_EVERY_S: Final = 2.0  # a tenth of a second each: a twentieth of a processor while mail comes


async def keep_up(lab: LabHere) -> None:
    """Take in some mail from time to time until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(EnvironmentFault):  # whoever asks is told
            await loop.run_in_executor(None, lab.inbox.look)
        await lab.clock.doze(_EVERY_S)
