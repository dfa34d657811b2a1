"""A storm that breaks an invariant made as small as it can be, while it breaks the same one.

Every step takes something away or halves something; a step that still fails is kept, and all are
tried again until none is. The seed of the run stays: what is left of the storm fails with it.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from lab.simulation.storms.storm import Mail, Storm

RUNS_MAX: Final = 400  # a minute or two

_NEEDED: Final = frozenset((("mta",), ("sink",), ("mx_rule", 0)))

Fails = Callable[[Storm], bool]
_Way = tuple[Any, ...]  # keys and places in lists, one within the other


def shrink(storm: Storm, fails: Fails, runs_max: int = RUNS_MAX) -> Storm:
    """The smallest storm found that ``fails``, as ``storm`` does.

    ``fails`` is asked about storms that cannot be played, too: those do not.
    """
    smallest, runs = storm, 0
    is_smaller = True
    while is_smaller and runs < runs_max:
        is_smaller = False
        for smaller in simpler(smallest):
            runs += 1
            if fails(smaller):
                smallest, is_smaller = smaller, True
                break
            if runs >= runs_max:
                break
    return smallest


def simpler(storm: Storm) -> Iterator[Storm]:
    """Storms one step simpler, the largest steps first."""
    yield from _halves(storm)
    for place in range(len(storm.events)):
        yield replace(storm, events=_without(storm.events, place))
    for place in range(len(storm.mail)):
        if len(storm.mail) > 1:
            yield replace(storm, mail=_without(storm.mail, place))
    for place, mail in enumerate(storm.mail):
        for less in _less_mail(mail):
            yield replace(storm, mail=(*storm.mail[:place], less, *storm.mail[place + 1 :]))
    for lab in _smaller_labs(storm.lab):
        yield replace(storm, lab=lab)
    if storm.elsewhere:
        yield replace(storm, elsewhere=())


def _halves(storm: Storm) -> Iterator[Storm]:
    """Half of what happens gone."""
    half = len(storm.events) // 2
    if half:
        yield replace(storm, events=storm.events[:half])
        yield replace(storm, events=storm.events[half:])


def _without(these: tuple[Any, ...], place: int) -> tuple[Any, ...]:
    return (*these[:place], *these[place + 1 :])


def _less_mail(mail: Mail) -> Iterator[Mail]:
    for domain, count in mail.to.items():
        others = {name: number for name, number in mail.to.items() if name != domain}
        if others:
            yield replace(mail, to=others)
        if count > 1:
            yield replace(mail, to={**mail.to, domain: count // 2})
            yield replace(mail, to={**mail.to, domain: count - 1})
    if mail.contact_in_s:
        yield replace(mail, contact_in_s=0.0)
    if mail.priority:
        yield replace(mail, priority=0)


def _smaller_labs(lab: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Labs with one thing less, whether or not they can be run so, and with fewer workers."""
    for way in _ways(lab, ()):
        if way not in _NEEDED:
            yield _changed(lab, way, None)
    for name, mta in lab["mta"].items():
        if mta.get("workers", 1) > 1:
            yield _changed(lab, ("mta", name, "workers"), 1)
    for name, sink in lab["sink"].items():
        if sink.get("personality", "accept") != "accept":
            yield _changed(lab, ("sink", name, "personality"), "accept")


def _ways(here: Any, way: _Way) -> Iterator[_Way]:
    """The ways to all that stands below a place, what holds much before what it holds."""
    places = list(here) if isinstance(here, dict) else range(len(here))
    for place in places:
        yield (*way, place)
        if isinstance(here[place], dict | list):
            yield from _ways(here[place], (*way, place))


def _changed(lab: Mapping[str, Any], way: _Way, value: Any) -> dict[str, Any]:
    """The lab with another value at a place, or with nothing there."""
    found: dict[str, Any] = copy.deepcopy(dict(lab))
    here: Any = found
    for word in way[:-1]:
        here = here[word]
    if value is None:
        del here[way[-1]]
    else:
        here[way[-1]] = value
    return found
