"""Crash at every point on both databases: ``python -m tests.crash.matrix``."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.crash.points import POINTS, Point
from tests.crash.scene import Seen, crash
from tests.fakes.postgresql import Server, server_for_run

DOCUMENT = Path(__file__).parents[2] / "docs" / "crash-safety.md"
BEGIN, END = "<!-- begin matrix -->", "<!-- end matrix -->"
COLUMNS = ("point", "who dies", "when", "database", "messages", "lost", "doubled", "may", "seconds")


def main() -> int:
    """Run the matrix; exit code 1 when anything was lost, or doubled beyond what may be."""
    rows: list[tuple[Point, str, Seen]] = []
    console = Console()
    with server_for_run() as server:
        for point in POINTS:
            for database in ("SQLite", "PostgreSQL"):
                with _url(database, server) as url, tempfile.TemporaryDirectory() as folder:
                    seen = crash(point, Path(folder), url)
                rows.append((point, database, seen))
                verdict = "ok" if _is_good(point, seen) else "BAD"
                console.print(f"{verdict:4}{point.name} on {database}: {seen}", highlight=False)
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*_cells(*row))
    console.print(table)
    if "--write" in sys.argv:
        _write(rows)
    bad = [row for row in rows if not _is_good(row[0], row[2])]
    console.print(f"{len(rows)} crashes, {len(bad)} of them not as promised")
    return 1 if bad else 0


@contextlib.contextmanager
def _url(database: str, server: Server) -> Iterator[str | None]:
    if database == "SQLite":
        yield None
        return
    with server.database() as url:
        yield url


def _is_good(point: Point, seen: Seen) -> bool:
    return seen.lost == 0 and seen.doubled <= point.doubles


def _cells(point: Point, database: str, seen: Seen) -> tuple[str, ...]:
    numbers = (seen.messages, seen.lost, seen.doubled, point.doubles)
    return (
        point.name, point.process, point.when, database,
        *map(str, numbers), f"{seen.seconds:.1f}",
    )  # fmt: skip


def _write(rows: list[tuple[Point, str, Seen]]) -> None:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(_cells(*row)) + " |" for row in rows]
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    whole = f"{head}{BEGIN}\n{chr(10).join(lines)}\n{END}{tail}"
    DOCUMENT.write_text(whole, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
