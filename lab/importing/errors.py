"""What can be wrong with an import.

BadServerConf    UserError: the file is refused whole, with every mistake in it
"""

from collections.abc import Sequence
from pathlib import Path

from affinity.errors import Mistake
from mail.errors import UserError


class BadServerConf(UserError):
    """A serverConf.xml that cannot be read, or that has something impossible in it."""

    def __init__(self, mistakes: Sequence[Mistake], remedy: str) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(each) for each in self.mistakes), remedy=remedy)

    @classmethod
    def of(cls, file: Path, line: int | None, what: str, remedy: str) -> "BadServerConf":
        """With a single mistake."""
        return cls([Mistake(str(file), line, "", what)], remedy)
