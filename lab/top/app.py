"""The screen of ``mtalab top``: it looks once a second, in a thread, and never waits for that."""

from collections import deque
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Sparkline, Static
from textual.worker import get_current_worker

from lab.configuration import Loaded
from lab.top.look import look, why
from lab.top.snapshot import Snapshot, snapshot
from lab.top.tables import TABLES, Table, headline, in_order
from mail.errors import EnvironmentFault, UserError
from monitor.why.diagnosis import Diagnosis
from store.engine import Store
from world.clock import Clock

EVERY_S: Final = 1.0
REMEMBERED: Final = 60  # rates, for the sparkline
_HELP: Final = """\
 q        quit
 p        pause, and go on
 s        sort by the next column
 Tab      next table
 arrows   up and down a table
 Enter    why a delivery waits; what a line says in full
 ?        this
 Escape   close
"""


class Told(ModalScreen[None]):
    """Some words over everything, until they are closed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "dismiss", "close")
    ]

    def __init__(self, title: str, words: str) -> None:
        super().__init__()
        self._title, self._words = title, words

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="told") as box:
            box.border_title = self._title
            box.border_subtitle = "Escape closes"
            yield Static(Text(self._words))


class Top(App[None]):
    """A lab as it works. ``store`` is asked in threads."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "mtalab top"
    CSS = """
    Screen { layout: vertical; }
    #head { height: 1; padding: 0 1; background: $panel; text-style: bold; }
    #rates { height: 2; margin: 0 1; }
    #deliveries { height: 3fr; }
    #middle { height: 2fr; }
    #causes { width: 3fr; height: 1fr; }
    #workers { width: 2fr; height: 1fr; }
    #lanes { height: 2fr; }
    DataTable { border: round $surface-lighten-2; border-title-color: $text-muted; }
    DataTable:focus { border: round $accent; border-title-color: $accent; }
    Told { align: center middle; }
    #told { width: 90%; max-width: 110; height: auto; max-height: 80%; padding: 1 2;
            border: round $accent; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("p", "pause", "pause"),
        Binding("s", "sort", "sort"),
        Binding("question_mark", "help", "help"),
    ]

    def __init__(self, store: Store, loaded: Loaded, clock: Clock) -> None:
        super().__init__()
        self._store, self._loaded, self._clock = store, loaded, clock
        self._seen: Snapshot | None = None
        self._rates: deque[float] = deque([0.0], maxlen=REMEMBERED)
        self._is_paused = False
        self._sorted: dict[str, int | None] = {}

    def compose(self) -> ComposeResult:
        yield Static("", id="head")
        yield Sparkline(list(self._rates), id="rates", summary_function=max)
        deliveries, causes, lanes, workers = map(_made, TABLES)
        yield deliveries
        with Horizontal(id="middle"):
            yield causes
            yield workers
        yield lanes
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#deliveries", DataTable).focus()
        self._tell("looking …")
        self._look()
        self.set_interval(EVERY_S, self._look)

    # --- looking ------------------------------------------------------------------------------

    def _look(self) -> None:
        if not self._is_paused:
            self._read()

    @work(thread=True, exclusive=True)
    def _read(self) -> None:
        worker = get_current_worker()
        try:
            found = snapshot(look(self._store, self._loaded, self._clock), self._seen)
        except EnvironmentFault as error:
            if not worker.is_cancelled:
                self.call_from_thread(self._tell, f"the store is away: {error.what}")
            return
        if not worker.is_cancelled:
            self.call_from_thread(self._show, found)

    def _tell(self, words: str) -> None:
        self.query_one("#head", Static).update(
            Text.assemble((f"{self._loaded.configuration.lab.name}   ", "bold"), words)
        )

    def _show(self, found: Snapshot) -> None:
        self._seen = found
        if found.rate is not None:
            self._rates.append(found.rate)
        line = self.query_one(Sparkline)
        line.data = list(self._rates)
        line.display = max(self._rates) > 0  # of nothing but zeros it would be full
        self._tell(headline(found) + ("   paused" if self._is_paused else ""))
        for table in TABLES:
            self._fill(table, found)

    def _fill(self, table: Table, found: Snapshot) -> None:
        """Change what changed, so that the cursor and the scroll stay where they are."""
        shown: DataTable[Text] = self.query_one(f"#{table.name}", DataTable)
        rows = in_order(table.rows(found), self._sorted.get(table.name))
        keys = [key for key, _, _ in rows]
        if keys == [str(each.value) for each in shown.rows]:
            for key, cells, style in rows:
                for name, cell in zip(_names(table), _styled(table, cells, style), strict=True):
                    if shown.get_cell(key, name) != cell:
                        shown.update_cell(key, name, cell)
            return
        at = shown.cursor_row
        shown.clear()
        for key, cells, style in rows:
            shown.add_row(*_styled(table, cells, style), key=key)
        shown.move_cursor(row=min(at, max(len(rows) - 1, 0)), animate=False)

    # --- keys ---------------------------------------------------------------------------------

    def action_pause(self) -> None:
        self._is_paused = not self._is_paused
        if self._seen is not None:
            self._show(self._seen)

    def action_sort(self) -> None:
        """The focused table by its next column; after the last as it comes."""
        shown = self.focused
        if not isinstance(shown, DataTable) or self._seen is None:
            return
        table = next(each for each in TABLES if each.name == shown.id)
        at = self._sorted.get(table.name)
        after = 0 if at is None else at + 1
        self._sorted[table.name] = after if after < len(table.columns) else None
        chosen = self._sorted[table.name]
        by = "" if chosen is None else f", by {table.columns[chosen][0] or 'words'}"
        shown.border_title = table.title + by
        self._fill(table, self._seen)

    async def action_help(self) -> None:
        await self.push_screen(Told("Keys", _HELP))

    async def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        key = str(event.row_key.value)
        if event.data_table.id == "deliveries":
            self._explain(int(key))
            return
        table = next(each for each in TABLES if each.name == event.data_table.id)
        assert self._seen is not None, "a line was shown"
        cells = next(cells for name, cells, _ in table.rows(self._seen) if name == key)
        heads = [name or "about it" for name, _ in table.columns]
        words = "\n".join(f"{head:<12} {cell}" for head, cell in zip(heads, cells, strict=True))
        await self.push_screen(Told(table.title, words))

    @work(thread=True)
    def _explain(self, delivery: int) -> None:
        try:
            words = explanation(why(self._store, self._loaded, self._clock, delivery))
        except (EnvironmentFault, UserError) as error:
            words = error.what
        self.call_from_thread(self.push_screen, Told(f"Delivery {delivery}", words))


def explanation(found: Diagnosis) -> str:
    """Why a delivery's messages are pending, in words."""
    if not found.findings:
        return "Nothing of it is pending."
    lines = []
    for each in found.findings:
        lines += [
            f"{each.messages:,} {each.place}, {each.code.replace('_', ' ')}",
            f"  {each.words}",
        ]
        if each.fix:
            lines.append(f"  {each.fix}")
        if each.command:
            lines.append(f"  $ {each.command}")
        lines.append("")
    return "\n".join(lines).rstrip()


def _made(table: Table) -> DataTable[Any]:
    made: DataTable[Any] = DataTable(id=table.name, cursor_type="row", zebra_stripes=False)
    made.border_title = table.title
    for (name, _), key in zip(table.columns, _names(table), strict=True):
        made.add_column(name, key=key)
    return made


def _names(table: Table) -> list[str]:
    return [f"{table.name}-{place}" for place in range(len(table.columns))]


def _styled(table: Table, cells: tuple[str, ...], style: str) -> list[Text]:
    return [
        Text(cell, style, justify="right" if is_right else "left")
        for cell, (_, is_right) in zip(cells, table.columns, strict=True)
    ]
