"""Whether there is a domain that some masks name and others do not: proofs for ``mtalab lint``.

Both answers are sound and neither need come: ``example`` returns a domain that exists, and
``is_none`` is true only where there can be none, also none with labels outside ASCII. What would
take too long to decide, or hangs on how such a label is spelled, is left undecided.
"""

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from affinity.mask import is_pattern, matches, spellings_of_mask
from affinity.mask_automaton import MaskAutomaton
from mail.address import BadAddress, canonical_domain

# Of these masks those that name a domain → whether it is one that is looked for.
Wanted = Callable[[frozenset[str]], bool]

STATES_MAX: Final = 5_000  # tenths of a second; masks that people write need some dozens
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_LABEL_MAX: Final = 63
_DOMAIN_MAX: Final = 253

# Where in a label: before it, within it, behind a hyphen of it; or within an A-label and then its
# Unicode spelling, before and from its first letter outside ASCII on. These two are read after each
# other, as if nothing bound them together.
_BEFORE, _WITHIN, _HYPHEN, _A_LABEL, _ASCII_YET, _U_LABEL = range(6)
_State = tuple[int, int, int]  # where, and what masks have read as A-labels and in Unicode
# By where one is: where one is then, and what is read meanwhile in either spelling.
_Step = tuple[int, tuple[str, ...], tuple[str, ...]]
_Steps = Mapping[int, Sequence[_Step]]
_DOT: Final[_Step] = (_BEFORE, (".",), (".",))


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


@functools.lru_cache(maxsize=512)
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
        before: dict[_State, tuple[_State, str]] = {}
        for state in self._reached(self._steps_of_names, before):
            if state is None:
                return None
            if self._is_wanted(state, wanted):
                text = self._text_to(state, before)
                if _is_domain(text):
                    return text
        return None

    def is_none(self, wanted: Wanted) -> bool:
        return not any(
            state is None or self._is_wanted(state, wanted)
            for state in self._reached(self._steps_of_all, {})
        )

    def _is_wanted(self, state: _State, wanted: Wanted) -> bool:
        where, in_ascii, in_unicode = state
        if where not in (_WITHIN, _U_LABEL):
            return False
        named = self._named(self._ascii.ended(in_ascii), self._unicode.ended(in_unicode))
        return named is not None and wanted(named)

    def _names_of(self, in_ascii: int, in_unicode: int) -> frozenset[str] | None:
        """The masks that have read to their end, or None if ``among`` has not."""
        places = self._ascii.which(in_ascii) | self._unicode.which(in_unicode)
        return frozenset(self._masks[each] for each in places - {0}) if 0 in places else None

    def _reached(
        self, steps: _Steps, before: dict[_State, tuple[_State, str]]
    ) -> Iterator[_State | None]:
        """Each state once, noting the way there; None, and no more, if there are too many."""
        seen, waiting = {self._first}, deque([self._first])
        while waiting:
            state = waiting.popleft()
            yield state
            where, in_ascii, in_unicode = state
            for then, of_ascii, of_unicode in steps[where]:
                after = (
                    then,
                    functools.reduce(self._ascii.read, of_ascii, in_ascii),
                    functools.reduce(self._unicode.read, of_unicode, in_unicode),
                )
                if after not in seen and self._may_go_on(after):
                    seen.add(after)
                    before[after] = (state, "".join(of_ascii))
                    waiting.append(after)
            if len(seen) > STATES_MAX:
                yield None
                return

    def _may_go_on(self, state: _State) -> bool:
        """Whether ``among`` may still name the text."""
        return self._ascii.may_be_first(state[1]) or self._unicode.may_be_first(state[2])

    def _text_to(self, state: _State, before: Mapping[_State, tuple[_State, str]]) -> str:
        letters = []
        while state != self._first:
            state, letter = before[state]
            letters.append(letter)
        return "".join(reversed(letters))

    @functools.cached_property
    def _steps_of_names(self) -> _Steps:
        """Names as people give them: letters, digits, single hyphens."""
        letters = _kinds(_LETTERS, self._ascii, self._unicode)
        plain = [(_WITHIN, (each,), (each,)) for each in letters]
        return {
            _BEFORE: plain,
            _WITHIN: [*plain, (_HYPHEN, ("-",), ("-",)), _DOT],
            _HYPHEN: plain,
        }

    @functools.cached_property
    def _steps_of_all(self) -> _Steps:
        """Every domain there can be, and some that there cannot."""
        letters = sorted((self._ascii.letters | self._unicode.letters) - {"."})
        others = [each for each in letters if not each.isascii()]
        ascii_letters = [each for each in letters if each.isascii()] + [MaskAutomaton.OTHER]
        plain = _kinds(ascii_letters, self._ascii, self._unicode)
        in_ascii = [((each,), ()) for each in _kinds(ascii_letters, self._ascii)]
        in_unicode = [((), (each,)) for each in _kinds(ascii_letters, self._unicode)]
        outside = [((), (each,)) for each in (*others, MaskAutomaton.OTHER)]
        of_u_label = [
            *((_ASCII_YET, *each) for each in in_unicode),
            *((_U_LABEL, *each) for each in outside),
        ]
        within = [(_WITHIN, (each,), (each,)) for each in plain]
        return {
            _BEFORE: [*within, (_A_LABEL, tuple("xn--"), ())],
            _WITHIN: [*within, _DOT],
            _A_LABEL: [*((_A_LABEL, *each) for each in in_ascii), *of_u_label],
            _ASCII_YET: of_u_label,
            _U_LABEL: [*((_U_LABEL, *each) for each in (*in_unicode, *outside)), _DOT],
        }


def _kinds(letters: Iterable[str], *automata: MaskAutomaton) -> list[str]:
    """Of letters that all masks treat alike only the first."""
    found: dict[tuple[int, ...], str] = {}
    for each in letters:
        found.setdefault(tuple(one.kind(each) for one in automata), each)
    return list(found.values())


def _is_domain(text: str) -> bool:
    """Whether a name of letters, digits and single hyphens can be that of a mail domain."""
    *_, last = labels = text.split(".")
    return (
        len(text) <= _DOMAIN_MAX
        and all(len(each) <= _LABEL_MAX for each in labels)
        and not last.isdigit()
    )
