"""What a process tells whoever watches it: events with a stable name, words and facts."""

from typing import Protocol


class Log(Protocol):
    """Takes events. Never on the way of a single message: that has its own record in the store."""

    def info(self, event: str, /, *, note: str, **facts: object) -> object:
        """Something happened as it should.

        Args:
            event: its name, for programs; never changes.
            note: the same in words, for people.
            facts: numbers and names of it, for programs; what people need is in the note.
        """
        ...

    def warning(self, event: str, /, *, note: str, **facts: object) -> object:
        """Something went wrong and is being dealt with."""
        ...

    def error(self, event: str, /, *, note: str, **facts: object) -> object:
        """Something went wrong that a person has to mend."""
        ...


class _Silent:
    def info(self, event: str, /, *, note: str, **facts: object) -> None: ...

    def warning(self, event: str, /, *, note: str, **facts: object) -> None: ...

    def error(self, event: str, /, *, note: str, **facts: object) -> None: ...


SILENT: Log = _Silent()
