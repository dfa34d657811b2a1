"""Crash at every point on both databases: ``python -m tests.crash.matrix [POINT…] [--write]``."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.crash.points import POINTS, Point, point
from tests.crash.scene import Seen, crash
from tests.fakes.postgresql import Server, server_for_run

DOCUMENT = Path(__file__).parents[2] / "docs" / "crash-safety.md"
BEGIN, END = "<!-- begin matrix -->", "<!-- end matrix -->"
COLUMNS = (
    "point", "who dies", "when", "database", "messages", "lost", "doubled", "may", "of them known",
    "seconds until back", "until all sent", "verdict",
)  # fmt: skip

DATABASES = ("SQLite", "PostgreSQL")
WIDTH = 140
Row = tuple[Point, str, Seen]


def main() -> int:
    """Run the matrix; exit code 1 when anything was lost, or doubled beyond what may be."""
    names = [each for each in sys.argv[1:] if not each.startswith("-")]
    chosen = [point(name) for name in names] or POINTS
    rows: list[Row] = []
    console = Console()
    console.width = max(console.width, WIDTH)  # a table whose words are cut tells nothing
    with server_for_run() as server:
        for each in chosen:
            for database in DATABASES:
                with _url(database, server) as url, tempfile.TemporaryDirectory() as folder:
                    seen = crash(each, Path(folder), url)
                rows.append((each, database, seen))
                console.print(" ".join(_cells(each, database, seen)), highlight=False)
    shown = [name for name in COLUMNS if name != "when"]
    table = Table(*shown)
    for row in rows:
        cells = dict(zip(COLUMNS, _cells(*row), strict=True))
        table.add_row(*(cells[name] for name in shown))
    console.print(table)
    if "--write" in sys.argv:
        _write(rows)
    bad = [row for row in rows if not row[2].is_as_promised(row[0])]
    console.print(f"{len(rows)} crashes, {len(bad)} of them not as promised")
    return 1 if bad else 0


@contextlib.contextmanager
def _url(database: str, server: Server) -> Iterator[str | None]:
    if database == "SQLite":
        yield None
        return
    with server.database() as url:
        yield url


def _cells(point: Point, database: str, seen: Seen) -> tuple[str, ...]:
    numbers = (seen.messages, seen.lost, seen.doubled, point.doubles, seen.repeated)
    return (
        point.name, point.process, point.when, database, *map(str, numbers),
        f"{seen.seconds_back:.1f}", f"{seen.seconds_all:.1f}",
        "as promised" if seen.is_as_promised(point) else "BROKEN",
    )  # fmt: skip


def _write(rows: list[Row]) -> None:
    """Put the rows into the document, in the place of those of the same point and database."""
    head, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    table, _, tail = rest.partition(END)
    known = {_key(line.strip("| ").split(" | ")): line for line in table.splitlines()[3:]}
    known |= {_key(cells): f"| {' | '.join(cells)} |" for row in rows if (cells := _cells(*row))}
    keys = [(each.name, database) for each in POINTS for database in DATABASES]
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    lines += [known[key] for key in keys if key in known]
    whole = f"{head}{BEGIN}\n{chr(10).join(lines)}\n{END}{tail}"
    DOCUMENT.write_text(whole, encoding="utf-8")


def _key(cells: Sequence[str]) -> tuple[str, str]:
    return cells[0], cells[COLUMNS.index("database")]


if __name__ == "__main__":
    sys.exit(main())
