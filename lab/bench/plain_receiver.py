"""The plain loop's receiver: aiosmtpd as it comes.

``python -P -m lab.bench.plain_receiver PORT``.
"""

import asyncio
import sys
from typing import Any

from aiosmtpd.smtp import SMTP

from lab.services.loop import in_loop


class Accepting:
    """Takes everything."""

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802 - aiosmtpd's name
        return "250 2.0.0 OK"


async def _main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Accepting()), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    in_loop(_main(int(sys.argv[1])))
