"""How a storm is drawn: whoever decides answers these questions, a seed or hypothesis."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from world.chance import Chance

T = TypeVar("T")


class Draw(Protocol):
    """Decides; the smallest and the first are the simplest, to which shrinking goes."""

    def whole(self, low: int, high: int) -> int: ...

    def one_of(self, options: Sequence[T]) -> T: ...

    def is_so(self, chance: float) -> bool: ...


class SeededDraw:
    """Decides by dice."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def whole(self, low: int, high: int) -> int:
        return low + int(self._chance.random() * (high - low + 1))

    def one_of(self, options: Sequence[T]) -> T:
        return options[self.whole(0, len(options) - 1)]

    def is_so(self, chance: float) -> bool:
        return self._chance.random() < chance


def seconds(draw: Draw, low: float, high: float) -> float:
    """A time, to a fiftieth of a second."""
    return draw.whole(round(low * 50), round(high * 50)) / 50
