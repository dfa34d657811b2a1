"""Dice as the pipeline throws them: seeded in tests and simulation, from the system otherwise."""

import random
from typing import Protocol


class Chance(Protocol):
    """A source of random numbers."""

    def random(self) -> float:
        """A float in [0, 1)."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """A float between low and high."""
        ...

    def token(self, length: int) -> str:
        """``length`` characters of [a-z0-9]; unique enough for names, not for secrets."""
        ...

    def secret(self, length: int) -> bytes:
        """``length`` bytes that nobody can guess, unless the dice are seeded."""
        ...


class SeededChance:
    """Dice that fall the same way for the same seed; without a seed, differently each time."""

    _ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"

    def __init__(self, seed: int | str | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - not for secrets
        self._secret = random.SystemRandom() if seed is None else self._random

    def random(self) -> float:
        return self._random.random()

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def token(self, length: int) -> str:
        return "".join(self._random.choices(self._ALPHABET, k=length))

    def secret(self, length: int) -> bytes:
        return self._secret.getrandbits(8 * length).to_bytes(length)
