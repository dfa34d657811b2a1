"""Those who listen to events: so many at most, since each of them asks the store for itself."""

import contextlib
import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from lab.web.problems import WebRefusal

LISTENERS_MAX: Final = 32


class TooManyListeners(WebRefusal):
    """All seats are taken."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class Listeners:
    """Seats for those who listen; used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    @contextlib.contextmanager
    def seat(self) -> Iterator[None]:
        """Have a seat while the context lasts. Raises TooManyListeners."""
        with self._lock:
            if self.count >= LISTENERS_MAX:
                raise TooManyListeners(
                    f"{LISTENERS_MAX} listen to events already",
                    remedy="End one of them, or read /api/v1/transitions page by page.",
                )
            self.count += 1
        try:
            yield
        finally:
            with self._lock:
                self.count -= 1
