"""From a request to the case of a lab; what was read once is kept."""

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from affinity.errors import Mistake
from lab.scenario.read import Case, case_of, case_of_text, read_case, text_of
from lab.serving.errors import BadRequest
from lab.serving.requests import Make

# The lab of a test that says nothing of it: one sender; ``read.py`` adds a receiver of all mail.
DEFAULT: Final[dict[str, Any]] = {
    "mta": {"m1": {"affinities": ["default"]}},
    "affinity": {"default": {"ip": [{"address": "127.0.1.1"}]}},
}
_SOURCES: Final = ("topology", "text", "file", "scenario")
_KEPT: Final = 64  # cases: a test run has few, and to read one takes some milliseconds


class Cases:
    """The cases made so far, by what they were made from."""

    def __init__(self) -> None:
        self._made: OrderedDict[bytes, Case] = OrderedDict()

    def of(self, wanted: Make) -> Case:
        """The case that a request means.

        Raises:
            BadRequest: it means more than one thing.
            UnreadableScenario, BadConfiguration: a file cannot be read, or says what it may not.
        """
        given = [name for name in _SOURCES if getattr(wanted, name) is not None]
        if len(given) > 1:
            what = f"expected one of them, got {' and '.join(given)}"
            raise BadRequest([Mistake("lab", None, given[0], what)])
        case = self._read(wanted)
        changes = {name: getattr(wanted, name) for name in ("begins", "tick")}
        changes = {name: each for name, each in changes.items() if each is not None}
        return replace(case, scenario=case.scenario.model_copy(update=changes))

    def _read(self, wanted: Make) -> Case:
        folder = Path(wanted.folder)
        if wanted.scenario is not None:
            return read_case(folder / wanted.scenario)  # it names files that may have changed
        text, name = wanted.text, "configuration"
        if wanted.file is not None:
            file = folder / wanted.file
            text, name = text_of(file, "the configuration"), file.name
        topology = DEFAULT if wanted.topology is None else wanted.topology
        # The order of keys is kept: routes go by it.
        key = orjson.dumps((str(folder), name, topology if text is None else text))
        case = self._made.get(key)
        if case is None:
            found = case_of(topology, folder) if text is None else case_of_text(text, name, folder)
            case = self._made[key] = found
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return case
