"""Whether there is a domain that some masks name and others do not: proofs for ``mtalab lint``.

Both answers are sound and neither need come: ``example`` returns a domain that exists, and
``is_none`` is true only where there can be none, also none with labels outside ASCII. What would
take too long to decide, or hangs on how such a label is spelled, is left undecided.
"""

import functools
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from affinity.mask import is_pattern, matches, spellings_of_mask
from affinity.mask_automaton import MaskAutomaton
from mail.address import BadAddress, canonical_domain

# Of these masks those that name a domain → whether it is one that is looked for.
Wanted = Callable[[frozenset[str]], bool]

STATES_MAX: Final = 2_000  # a tenth of a second; masks that people write need some hundreds
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_LABEL_MAX: Final = 63
_DOMAIN_MAX: Final = 253

# Where in a label: before it, within it, behind a hyphen of it; or within an A-label and then its
# Unicode spelling, before and from its first letter outside ASCII on. These two are read after each
# other, as if nothing bound them together.
_BEFORE, _WITHIN, _HYPHEN, _A_LABEL, _ASCII_YET, _U_LABEL = range(6)
_State = tuple[int, int, int]  # where, and what masks have read as A-labels and in Unicode


class _Step(NamedTuple):
    """Letters that may come next: which texts they stand in, and where one is then.

    Of each letter the places that it passes in either automaton.
    """

    then: int
    in_ascii: bool
    in_unicode: bool
    letters: Sequence[tuple[str, int, int]]


_Steps = Mapping[int, Sequence[_Step]]
_Named = tuple[frozenset[str] | None, str]
Item = TypeVar("Item")


def example(among: str, masks: Sequence[str], wanted: Wanted) -> str | None:
    """The shortest domain that ``among`` names and that is wanted; None if none was found.

    Args:
        among: a mask.
        masks: those that are of interest.
        wanted: is asked with those of ``masks`` that name a domain.
    """
    if not is_pattern(among):
        return _only(among, masks, wanted)
    return _of(among, tuple(masks)).example(wanted)


def is_none(among: str, masks: Sequence[str], wanted: Wanted) -> bool:
    """Whether it is certain that no domain of ``among`` is wanted; otherwise as ``example``."""
    if not is_pattern(among):
        return _only(among, masks, wanted) is None
    return _of(among, tuple(masks)).is_none(wanted)


def covered(mask: str, by: Sequence[str]) -> bool:
    """Whether it is certain that each domain of a mask is one of some others', taken together."""
    return is_none(mask, by, lambda found: not found)


def disjoint(mask: str, others: Sequence[str]) -> bool:
    """Whether it is certain that no domain of a mask is one of any of some others."""
    return is_none(mask, others, bool)


def _only(domain: str, masks: Sequence[str], wanted: Wanted) -> str | None:
    try:
        name = canonical_domain(domain)
    except BadAddress:
        return None  # such as .a.test, which a mask may say
    return name if wanted(frozenset(each for each in masks if matches(each, name))) else None


@functools.lru_cache(maxsize=1024)
def _of(among: str, masks: tuple[str, ...]) -> "_Search":
    return _Search(among, tuple(dict.fromkeys(masks)))


class _Search:
    """Over the states of all masks that some text leads to, the shortest texts first."""

    def __init__(self, among: str, masks: tuple[str, ...]) -> None:
        self._masks = (among, *masks)
        spelled = [spellings_of_mask(each) for each in self._masks]
        self._ascii = MaskAutomaton([each for each, _ in spelled])
        self._unicode = MaskAutomaton([each for _, each in spelled])
        self._first = (_BEFORE, self._ascii.start, self._unicode.start)
        self._named = functools.cache(self._names_of)

    def example(self, wanted: Wanted) -> str | None:
        return next(
            (text for named, text in self._real if named is not None and wanted(named)), None
        )

    def is_none(self, wanted: Wanted) -> bool:
        return not any(named is None or wanted(named) for named, _ in self._possible)

    @functools.cached_property
    def _real(self) -> "_Remembered[_Named]":
        """Each set of masks that name a domain together, with the shortest such domain."""
        return _Remembered(self._sets(self._steps_of_names, _is_domain))

    @functools.cached_property
    def _possible(self) -> "_Remembered[_Named]":
        """Each set of masks that could; None at the end if there may be more."""
        return _Remembered(self._sets(self._steps_of_all, lambda _: True))

    def _sets(self, steps: _Steps, is_domain: Callable[[str], bool]) -> Iterator[_Named]:
        before: dict[_State, tuple[_State, str]] = {}
        known: set[frozenset[str]] = set()
        for state in self._reached(steps, before):
            if state is None:
                yield None, ""
                return
            named = self._names_at(state)
            if named is None or named in known:
                continue
            text = self._text_to(state, before)
            if is_domain(text):
                known.add(named)
                yield named, text

    def _names_at(self, state: _State) -> frozenset[str] | None:
        where, in_ascii, in_unicode = state
        if where not in (_WITHIN, _U_LABEL):
            return None
        return self._named(self._ascii.ended(in_ascii), self._unicode.ended(in_unicode))

    def _names_of(self, in_ascii: int, in_unicode: int) -> frozenset[str] | None:
        """The masks that have read to their end, or None if ``among`` has not."""
        places = self._ascii.which(in_ascii) | self._unicode.which(in_unicode)
        return frozenset(self._masks[each] for each in places - {0}) if 0 in places else None

    def _reached(
        self, steps: _Steps, before: dict[_State, tuple[_State, str]]
    ) -> Iterator[_State | None]:
        """Each state once, noting the way there; None, and no more, if there are too many.

        What may end soonest comes first, so that a domain is found without a look at all others.
        """
        seen = {self._first}
        waiting = [(0, 0, self._first)]  # letters until it may end, less letters read
        while waiting:
            _, read, state = heapq.heappop(waiting)
            yield state
            for after, text in self._following(state, steps[state[0]]):
                left = self._left(after)
                if after not in seen and left is not None:
                    seen.add(after)
                    before[after] = (state, text)
                    heapq.heappush(waiting, (left - read + 1, read - 1, after))
            if len(seen) > STATES_MAX:
                yield None
                return

    def _left(self, state: _State) -> int | None:
        """Letters that are wanting before ``among`` may name the text; None: it never will."""
        found = [
            each
            for each in (self._ascii.left(state[1]), self._unicode.left(state[2]))
            if each is not None
        ]
        return min(found, default=None)

    def _following(self, state: _State, steps: Sequence[_Step]) -> Iterator[tuple[_State, str]]:
        where, in_ascii, in_unicode = state
        if where == _BEFORE and steps is self._steps_of_all[_BEFORE]:
            yield (_A_LABEL, functools.reduce(self._ascii.read, "xn--", in_ascii), in_unicode), ""
        for then, is_ascii, is_unicode, letters in steps:
            tried: set[tuple[int, int]] = set()  # most letters are alike to what is still open
            for letter, passed_ascii, passed_unicode in letters:
                passing = in_ascii & passed_ascii, in_unicode & passed_unicode
                if passing not in tried:
                    tried.add(passing)
                    after_ascii = self._ascii.after(in_ascii, passing[0]) if is_ascii else in_ascii
                    after_unicode = (
                        self._unicode.after(in_unicode, passing[1]) if is_unicode else in_unicode
                    )
                    yield (then, after_ascii, after_unicode), letter

    def _text_to(self, state: _State, before: Mapping[_State, tuple[_State, str]]) -> str:
        letters = []
        while state != self._first:
            state, letter = before[state]
            letters.append(letter)
        return "".join(reversed(letters))

    def _step(
        self, then: int, letters: Iterable[str], *, in_ascii: bool = True, in_unicode: bool = True
    ) -> _Step:
        """A step by any of these letters; those that all masks treat alike count once."""
        found: dict[tuple[int, int], tuple[str, int, int]] = {}
        for each in letters:
            kind = (
                self._ascii.kind(each) if in_ascii else 0,
                self._unicode.kind(each) if in_unicode else 0,
            )
            found.setdefault(kind, (each, *kind))
        return _Step(then, in_ascii, in_unicode, tuple(found.values()))

    @functools.cached_property
    def _steps_of_names(self) -> _Steps:
        """Names as people give them: letters, digits, single hyphens."""
        plain = self._step(_WITHIN, _LETTERS)
        return {
            _BEFORE: [plain],
            _WITHIN: [plain, self._step(_HYPHEN, "-"), self._step(_BEFORE, ".")],
            _HYPHEN: [plain],
        }

    @functools.cached_property
    def _steps_of_all(self) -> _Steps:
        """Every domain there can be, and some that there cannot."""
        letters = sorted((self._ascii.letters | self._unicode.letters) - {"."})
        other = MaskAutomaton.OTHER
        plain = [*(each for each in letters if each.isascii()), other]
        outside = [*(each for each in letters if not each.isascii()), other]
        within, dot = self._step(_WITHIN, plain), self._step(_BEFORE, ".")
        of_u_label = [
            self._step(_ASCII_YET, plain, in_ascii=False),
            self._step(_U_LABEL, outside, in_ascii=False),
        ]
        return {
            _BEFORE: [within],  # and an A-label
            _WITHIN: [within, dot],
            _A_LABEL: [self._step(_A_LABEL, plain, in_unicode=False), *of_u_label],
            _ASCII_YET: of_u_label,
            _U_LABEL: [self._step(_U_LABEL, [*plain, *outside], in_ascii=False), dot],
        }


class _Remembered(Generic[Item]):
    """What an iterator gives, asked for no further than needed, and again from the beginning."""

    def __init__(self, source: Iterator[Item]) -> None:
        self._source, self._items = source, list[Item]()

    def __iter__(self) -> Iterator[Item]:
        yield from self._items
        for each in self._source:
            self._items.append(each)
            yield each


def _is_domain(text: str) -> bool:
    """Whether a name of letters, digits and single hyphens can be that of a mail domain."""
    *_, last = labels = text.split(".")
    return (
        len(text) <= _DOMAIN_MAX
        and all(len(each) <= _LABEL_MAX for each in labels)
        and not last.isdigit()
    )
