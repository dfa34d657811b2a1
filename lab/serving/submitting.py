"""A delivery that a test submits: as one of a scenario, with what the test holds in its hands."""

import base64
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from affinity.errors import Mistake
from lab.scenario.schema import Delivery
from lab.scenario.submitting import submitted
from lab.serving.errors import AffinityNeeded, BadRequest
from lab.serving.held import HeldLab
from lab.serving.requests import Submit, checked
from lab.submit.submission import Submitted
from mail.errors import Where

_NAME: Final = "submit"


def submit(held: HeldLab, wanted: Submit) -> tuple[str, Submitted]:
    """Submit it now; returns the name that it has from now on.

    Raises:
        BadRequest, AffinityNeeded: it is no delivery.
        BadRecipients, BadSubmission, …: what `mtalab submit` refuses.
    """
    values = {"affinity": _affinity(held), **wanted.delivery, "at": held.elapsed}
    if values["affinity"] is None:
        raise AffinityNeeded(
            "the lab has more than one affinity, and the delivery names none",
            where=Where(key=f"{_NAME}: affinity"),
            remedy=f"There are: {', '.join(held.lab.loaded.configuration.affinity)}.",
        )
    if wanted.contact_in is not None:
        values["contact"] = held.elapsed + wanted.contact_in
    with tempfile.TemporaryDirectory(prefix="mtalab-") as put_by:
        folder = Path(put_by)
        if wanted.recipients is not None:
            file = folder / "recipients.jsonl"
            file.write_bytes(b"".join(_lines(wanted.recipients)))
            values["recipients"] = str(file)
        delivery = checked(Delivery, values, _NAME)
        known = held.run.stage.deliveries
        name = delivery.name or str(len(known) + 1)
        if name in known:
            what = f"expected a name of its own, but there is a delivery {name!r} already"
            raise BadRequest([Mistake(_NAME, None, "name", what)])
        done = submitted(
            held.case, delivery, name, held.lab, message=_message(held, wanted, folder)
        )
    known[name] = done.delivery_id
    return name, done


def _affinity(held: HeldLab) -> str | None:
    """The one that there is, if there is one."""
    known = held.lab.loaded.configuration.affinity
    return next(iter(known)) if len(known) == 1 else None


def _message(held: HeldLab, wanted: Submit, folder: Path) -> Path | None:
    if wanted.message_file is not None:
        return held.case.folder / wanted.message_file
    if wanted.message is None:
        return None
    file = folder / "message"
    file.write_bytes(base64.b64decode(wanted.message))
    return file


def _lines(recipients: Sequence[Any]) -> Sequence[bytes]:
    made, wrong = [], []
    for number, each in enumerate(recipients):
        fields = {"address": each} if isinstance(each, str) else each
        if isinstance(fields, dict):
            made.append(orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE))
        else:
            what = 'expected an address or fields, such as {"address": "ada@example.test"}'
            wrong.append(Mistake(_NAME, None, f"recipients[{number}]", f"{what}, got {each!r}"))
    if wrong:
        raise BadRequest(wrong[:20])
    return made
