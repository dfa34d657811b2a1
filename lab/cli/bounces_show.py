"""``mtalab bounces show``: one mail that came back, how it was matched and judged."""

import contextlib
from typing import Annotated, Final

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.shapes.bounce import as_json
from lab.stores import store_of
from mail.inbound import Effect, InboundKind, MatchedBy
from store import inbound_log

_MATCHED: Final = {
    MatchedBy.RETURN_PATH: "by its return path, which bears our seal",
    MatchedBy.MESSAGE_ID: "by the Message-ID that it returns, and by the recipient that it names",
    MatchedBy.NOTHING: "with no message: it bears no seal of ours, and what it returns and whom it "
    "names are not a message's",
}
_EFFECTS: Final = {
    Effect.FAILED: "the message was sent and is failed now",
    Effect.WAITING: "it waits until the message's own outcome is known",
    Effect.OVER: "none: the message was not sent any more when it came",
    Effect.LATE: "none: it came too late ([inmail] late_after)",
    Effect.NONE: "none",
}


def register(bounces: typer.Typer) -> None:
    @bounces.command(name="show")
    def show(
        number: Annotated[int, typer.Argument(metavar="ID", help="Its number in the list.")],
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Show one mail that came back as it came, how it was matched and judged."""
        with contextlib.closing(store_of(loaded_from(config))) as store:
            found, content = store.read_now(inbound_log.get, number)
        text = content.decode("utf-8", "replace")
        if json:
            print_json({**as_json(found), "content": text})
        else:
            for name, value in _lines(found):
                console().print(f"{name:14}{value}")
            print()
            shown = text.replace("\r\n", "\n")
            print("".join(each if each.isprintable() or each in "\n\t" else "?" for each in shown))


def _lines(found: inbound_log.Inbound) -> list[tuple[str, str]]:
    lines = [
        ("came", moment(found.received_at)),
        ("from", found.sender or "<> (the null sender)"),
        ("to", found.recipient),
        ("kind", found.kind),
        ("matched", _MATCHED[found.matched_by]),
    ]
    if found.message_id is not None:
        about = f"{found.message_id} of delivery {found.delivery_id}, to {found.address}"
        lines.append(("message", about))
    if found.reason is not None:
        by = "" if not found.rule else f", by rule {found.rule}"
        lines.append(("judged", f"{found.reason.label}, {found.failure}{by}"))
    if found.kind is not InboundKind.UNKNOWN or found.text:
        lines.append(("says", f"{found.code or ''} {found.text}".strip()))
    lines += [("effect", _EFFECTS[found.effect]), ("qualification", found.qualification)]
    return lines
