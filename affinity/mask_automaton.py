"""Masks as one automaton: all of them read the same text at once, a letter a step.

A state is one whole number: of each mask a bit for each place up to which the text may have been
read, after Baeza-Yates and Gonnet (Communications of the ACM 35, 1992). To read a letter is a
shift, however many masks there are.
"""

import re
from collections.abc import Sequence


class MaskAutomaton:
    """Masks in one spelling; what is not one of ``letters`` is ``OTHER`` to all of them."""

    OTHER = ""

    def __init__(self, masks: Sequence[str]) -> None:
        texts = [re.sub(r"\*+", "*", mask) for mask in masks]
        self.letters = frozenset("".join(texts)) - frozenset("*?")
        self._stars = 0  # places that a letter may leave as they are
        self._steps = dict.fromkeys((*self.letters, self.OTHER), 0)  # places that a letter passes
        self._ends: list[int] = []
        self.start = 0
        place = 0
        for text in texts:
            self.start |= 1 << place
            for letter in text:
                self._note(letter, 1 << place)
                place += 1
            self._ends.append(1 << place)
            place += 1
        self._end = sum(self._ends)
        self._first = (self._ends[0] << 1) - 1
        first = texts[0]
        self._left = [len(first[at:].replace("*", "")) for at in range(len(first) + 1)]
        self.start = self._with_empty_stars(self.start)

    def _note(self, letter: str, bit: int) -> None:
        if letter == "*":
            self._stars |= bit
        elif letter == "?":
            for each in self._steps:
                self._steps[each] |= bit
        else:
            self._steps[letter] |= bit

    def _with_empty_stars(self, state: int) -> int:
        return state | (state & self._stars) << 1

    def read(self, state: int, letter: str) -> int:
        """The state after one letter more."""
        return self.after(state, state & self.kind(letter))

    def after(self, state: int, passed: int) -> int:
        """The state after a letter that passes these places of it: ``state & kind(letter)``."""
        return self._with_empty_stars(passed << 1 | state & self._stars)

    def kind(self, letter: str) -> int:
        """The places that a letter passes; the same for letters that all masks treat alike."""
        return self._steps.get(letter, self._steps[self.OTHER])

    def left(self, state: int) -> int | None:
        """Letters that the text needs at least before the first mask names it; None: it cannot."""
        open_ = state & self._first
        return self._left[open_.bit_length() - 1] if open_ else None

    def ended(self, state: int) -> int:
        """The masks that have read the whole text, as a number to be remembered by."""
        return state & self._end

    def which(self, ended: int) -> frozenset[int]:
        """The places, in the list of masks, that ``ended`` stands for."""
        return frozenset(place for place, end in enumerate(self._ends) if ended & end)
