"""What can be wrong with a configuration.

BadConfiguration    UserError: the text is refused whole, with every mistake in it
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mail.errors import UserError, Where


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: where it stands and what was expected there."""

    file: str
    line: int | None
    key: str
    what: str

    def __str__(self) -> str:
        place = str(Where(self.file, self.key or None, self.line))
        return f"{place}: {self.what}"


class BadConfiguration(UserError):
    """A configuration that cannot be used; nothing of it was."""

    def __init__(
        self, mistakes: Sequence[Mistake], described_in: str = "docs/configuration.md"
    ) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(
            "\n".join(str(each) for each in self.mistakes),
            remedy=f"{described_in} describes each key.",
        )
