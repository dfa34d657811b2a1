"""The options of every benchmark that sends: what it sends, and where."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.output import progress_bar
from mail.errors import UserError, Where
from store.durability import Durability


class BadBenchOption(UserError):
    """An option of a benchmark that asks for what cannot be."""


Messages = Annotated[int, typer.Option(min=1, help="How many are sent in a run.")]
Size = Annotated[int, typer.Option(min=1, help="Bytes of a message, roughly.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")]
Connections = Annotated[
    int, typer.Option(min=1, max=1000, help="Connections of a worker to one host, from each IP.")
]
SourceIps = Annotated[int, typer.Option(min=1, max=200, help="Source IPs.")]
Domains = Annotated[
    int, typer.Option(min=1, help="Recipient domains, the n-th with 1/n of the first's mail.")
]
Deferred = Annotated[
    float,
    typer.Option(min=0, max=1, help="This share is deferred twice by the sink, then accepted."),
]
Dkim = Annotated[bool, typer.Option("--dkim", help="Sign them, with a new RSA key.")]
Level = Annotated[Durability, typer.Option(help="How much of it a power cut may take back.")]
Rate = Annotated[
    float | None,
    typer.Option(
        min=0.001, help="Messages per second that leave at most, by an MX rule; none: no limit."
    ),
]
WarmUp = Annotated[int, typer.Option(min=0, help="Messages sent before each run, not measured.")]
Runs = Annotated[int, typer.Option(min=1, help="Runs of each kind, in turn.")]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="URL of a PostgreSQL database; each run makes and drops one of its own beside it. "
        "By default SQLite.",
        show_default=False,
    ),
]
Keep = Annotated[
    Path | None,
    typer.Option(help="New folder for the labs, which stay; else none does.", show_default=False),
]


def checked_store(url: str | None) -> str | None:
    """The store of a workload.

    Raises:
        BadBenchOption: it is a file: each run makes its own.
        BadStoreUrl: the URL names no database that we speak.
    """
    from store.databases import is_server

    if url is not None and not is_server(url):
        raise BadBenchOption(
            "--store wants a database on a PostgreSQL server: each run makes one beside it",
            remedy="Leave it out for SQLite, a file in each run's folder; --keep says where.",
        )
    return url


def checked_keep(folder: Path | None) -> Path | None:
    """A folder for the labs: none of them may be there already, with the mail of another run.

    Raises:
        BadBenchOption: there is something in it, or it is no folder.
    """
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadBenchOption(
            "is there already, and not empty",
            where=Where(str(folder)),
            remedy="Name a new folder with --keep.",
        )
    return folder


@contextmanager
def told() -> Iterator[Callable[[str, int, int], None]]:
    """A bar that shows what goes on."""
    with progress_bar() as bar:
        task = bar.add_task("starting", total=None)

        def tell(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of)

        yield tell
