"""The mail that a message became: found by the receipt that the receiver's reply names."""

import re
from collections.abc import Sequence
from typing import Final

from lab.web.lab_here import LabHere
from mail.errors import UserError
from mail.states import MessageEvent
from sinks.errors import SinkFilesUnusable
from sinks.receipts import Receipt, receipt_by_id
from store.log import Transition

_NAMED: Final = re.compile(r"Accepted as (\S+)")


def receipt_of(lab: LabHere, transitions: Sequence[Transition]) -> Receipt | None:
    """The receipt of a message; None: no sink of this lab has it, or its reply does not tell."""
    for each in reversed(transitions):
        named = _NAMED.search(each.text or "") if each.event == MessageEvent.ACCEPTED else None
        if named is None:
            continue
        try:
            found = receipt_by_id(lab.loaded.directory, named[1])
        except (UserError, SinkFilesUnusable):
            return None  # another receiver that speaks like ours, or its files are gone
        return found if each.address in found.rcpt_to else None
    return None
