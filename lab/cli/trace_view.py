"""How a dialogue looks: for people a line each, with its time and what was waited for."""

import sys
from datetime import datetime
from typing import Any, Final

import orjson
from rich.table import Table
from rich.text import Text

from lab.cli.output import console, moment
from mta.trace.dialogues import Dialogue
from mta.trace.line import Direction, Ends, Line, Recorded, as_json

SLOW_S: Final = 1.0  # a wait that catches the eye
_MARKS: Final = {Direction.SAID: "→", Direction.HEARD: "←", Direction.EVENT: "·"}
_WAITS_MAX: Final = 3


def print_dialogue(dialogue: Dialogue) -> None:
    """A connection: its ends, its lines, where the time went."""
    output, ends = console(), dialogue.ends
    output.print(Text(f"{_words(ends)}, {moment(ends.began)}", "bold"))
    table = Table(box=None, show_header=False, padding=(0, 1))
    for justify in ("right", "right", "left", "right"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_column(overflow="fold")
    for line, left_out in zip(dialogue.lines, dialogue.left_out, strict=True):
        if left_out:
            table.add_row("", "", "", "", Text(f"({left_out} lines of other messages)", "dim"))
        table.add_row(
            f"{line.at:.3f}", _wait(line), _MARKS[line.direction], _message(line), _text(line)
        )
        if line.content is not None:
            table.add_row("", "", "", "", Text(line.content.rstrip("\r\n"), "dim"))
    output.print(table)
    output.print(Text(_where_the_time_went(dialogue), "italic"))
    output.print()


def print_line(recorded: Recorded) -> None:
    """One line by itself, as it comes."""
    ends, line = recorded
    at = datetime.fromtimestamp(ends.began + line.at).astimezone()
    waited = "" if line.waited is None else f" ({line.waited:.3f} s)"
    console().print(
        Text.assemble(
            (f"{at:%H:%M:%S.%f}"[:-3], "dim"),
            f" {ends.worker}#{ends.connection} {ends.lane} ",
            f"{_message(line)} " if line.subject else "",
            f"{_MARKS[line.direction]} ",
            _text(line),
            (waited, _colour(line)),
        )
    )
    sys.stdout.flush()


def line_json(recorded: Recorded) -> None:
    """One line as JSON, as it comes."""
    sys.stdout.write(orjson.dumps(as_json(recorded)).decode() + "\n")
    sys.stdout.flush()


def dialogue_json(dialogue: Dialogue) -> dict[str, Any]:
    """The shape in ``docs/json.md``."""
    ends = dialogue.ends
    of_line = ("time", "at", "direction", "text", "message", "delivery", "domain", "answers")
    lines = []
    for line in dialogue.lines:
        whole = as_json(Recorded(ends, line))
        kept = {key: whole[key] for key in (*of_line, "waited", "size")}
        lines.append(kept if line.content is None else {**kept, "content": line.content})
    return {
        "worker": ends.worker,
        "lane": ends.lane,
        "connection": ends.connection,
        "host": ends.host,
        "began": ends.began,
        "seconds": round(dialogue.seconds, 6),
        "waited": {name: round(seconds, 6) for name, seconds in dialogue.waits().items()},
        "unanswered": dialogue.awaited,
        "left_out": sum(dialogue.left_out),
        "lines": lines,
    }


def _words(ends: Ends) -> str:
    return f"{ends.lane} to {ends.host}, connection {ends.connection} of {ends.worker}"


def _wait(line: Line) -> Text:
    return Text("" if line.waited is None else f"+{line.waited:.3f}", _colour(line))


def _colour(line: Line) -> str:
    return "yellow" if line.waited is not None and line.waited >= SLOW_S else "dim"


def _message(line: Line) -> str:
    return "" if line.subject is None else str(line.subject.message_id)


def _text(line: Line) -> Text:
    if line.direction is Direction.EVENT:
        return Text(line.text, "italic")
    is_refusal = line.direction is Direction.HEARD and line.text[:1] in ("4", "5")
    return Text(line.text, "red" if is_refusal else "")


def _where_the_time_went(dialogue: Dialogue) -> str:
    waits = dialogue.waits()
    longest = [f"{seconds:.3f} s for {name}" for name, seconds in waits.items()][:_WAITS_MAX]
    whole = f"{dialogue.seconds:.3f} s"
    words = f"{whole}, of which the server took {sum(waits.values()):.3f} s" if waits else whole
    if longest:
        words += f": {', '.join(longest)}"
    if dialogue.awaited is not None:
        words += f"; no answer is recorded to {dialogue.awaited}"
    return words
