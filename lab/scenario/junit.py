"""Outcomes as JUnit's XML, which every CI system reads."""

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from lab.scenario.outcome import Outcome


def write(outcomes: Iterable[Outcome], file: Path) -> None:
    """One test suite, a test case for each run."""
    every = list(outcomes)
    suite = ET.Element(
        "testsuite",
        name="mtalab run",
        tests=str(len(every)),
        failures=str(sum(bool(each.failures) for each in every)),
        errors=str(sum(each.error is not None for each in every)),
        time=f"{sum(each.wall_s for each in every):.3f}",
    )
    for each in every:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=each.mode,
            name=f"{each.name} (seed {each.seed})",
            file=each.file,
            time=f"{each.wall_s:.3f}",
        )
        if each.failures:
            words = "\n".join(map(str, each.failures))
            ET.SubElement(case, "failure", message=each.failures[0].what).text = words
        if each.error is not None:
            ET.SubElement(case, "error", message=each.error.splitlines()[0]).text = each.error
    ET.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)
