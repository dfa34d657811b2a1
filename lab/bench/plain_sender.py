"""The plain loop's sender: aiosmtplib as its documentation has it, one message after another.

``python -P -m lab.bench.plain_sender PORT MESSAGES CONNECTIONS FILE``; prints the seconds.
"""

import asyncio
import sys
import time
from pathlib import Path

import aiosmtplib

from lab.services.loop import in_loop


async def _main(port: str, messages: str, connections: str, file: str) -> None:
    content = Path(file).read_bytes()
    numbers = iter(range(int(messages)))

    async def one() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=int(port), start_tls=False) as smtp:
            for number in numbers:
                await smtp.sendmail("b@bounces.bench.test", [f"user{number}@d0.test"], content)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(int(connections))))
    print(time.perf_counter() - began)


if __name__ == "__main__":
    in_loop(_main(*sys.argv[1:5]))
