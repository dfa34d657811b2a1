"""``mtalab reconcile``: do the receivers' receipts and the store agree?"""

import contextlib
from typing import Annotated

import typer
from rich.text import Text

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json
from lab.cli.tracking_verdict import reconcile_tracking
from lab.stores import store_of

_MEANINGS = {
    "lost": "marked sent, but no sink received it",
    "unmarked": "received, but marked failed, ignored or cancelled",
    "in_doubt": "received, but still pending (on its way, or its reply was never read)",
    "duplicated": "received more than once",
    "wrong_ip": "received from an IP that its affinity does not have",
}


def register(app: typer.Typer) -> None:
    @app.command(name="reconcile")
    def command(
        allow_duplicates: Annotated[
            int, typer.Option(min=0, help="How many messages may be doubled.")
        ] = 0,
        tracking: Annotated[
            bool,
            typer.Option(help="Hold the readers' ledger against the tracking log instead."),
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Hold the sinks' receipts against the store. Exit code 1: they do not agree."""
        from lab.accounts import reconciled

        loaded = loaded_from(config)
        if tracking:
            raise typer.Exit(reconcile_tracking(loaded, json=json))
        with contextlib.closing(store_of(loaded)) as store:
            found = reconciled(store, loaded)
        ok = found.is_ok(allow_duplicates)
        values = found.as_json(allow_duplicates)
        if json:
            print_json(values)
        else:
            output = console()
            output.print(
                f"{found.receipts} receipts, {found.sent} of {found.messages} messages marked sent"
                + (f", {found.foreign} receipts of other mail" if found.foreign else "")
            )
            if found.returned or found.bounced:
                output.print(
                    f"{found.returned} mails were sent back by sinks, {found.kept} of them kept; "
                    f"{found.bounced} messages failed after they had been sent"
                )
            for kind, meaning in _MEANINGS.items():
                count = values[kind]["messages"]
                if count:
                    ids = ", ".join(str(each) for each in values[kind]["ids"])
                    more = ", …" if count > 20 else ""
                    output.print(Text.assemble((f"{count} {meaning}", "red"), f": {ids}{more}"))
            if ok:
                output.print(Text("every message is accounted for", "green"))
            else:
                output.print(Text("they do not agree", "red"))
                if values["in_doubt"]["messages"]:
                    output.print("Messages may be on their way: ask again when all is sent.")
        raise typer.Exit(0 if ok else 1)
