"""How findings are shown to people."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from lab.findings import Located

_STYLES = {"error": "red", "warning": "yellow"}


def print_findings(output: Console, findings: Iterable[Located]) -> None:
    """A line for each, as compilers write it, and its remedy below."""
    for each in findings:
        place = each.file if each.line is None else f"{each.file}:{each.line}"
        head = (f"{place}: ", (each.severity, _STYLES[each.severity]), f" {each.code}: ")
        line = Text.assemble(*head, f"{each.finding.key}: {each.finding.what}")
        output.print(line, highlight=False, soft_wrap=True)
        output.print(f"    {each.finding.remedy}", highlight=False, soft_wrap=True)


def counted(findings: Iterable[Located]) -> str:
    """``2 errors, 1 warning``."""
    every = list(findings)
    errors = sum(each.severity == "error" for each in every)
    return f"{_plural(errors, 'error')}, {_plural(len(every) - errors, 'warning')}"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
