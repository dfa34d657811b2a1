"""mtalab from Python: build a lab of real processes, submit, wait, and look at what came of it.

The one package that other people's code imports (``docs/python-api.md``); what is not listed here
is nobody's to rely on. The other rooms have names that others use too, so they are imported only
when one of these names is asked for, and only if nothing else has taken theirs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from affinity.errors import BadConfiguration
    from lab.submit.errors import BadRecipients, BadSubmission, UnreadableInput
    from mail.errors import EnvironmentFault, MtalabError, UserError
    from mta.errors import BadTemplate, UnknownField
    from mtalab.errors import DidNotArrive, LabDidNotStart, NotOver
    from mtalab.lab import Lab
    from mtalab.results import (
        Delivery,
        Disagreement,
        Message,
        Received,
        Reconciliation,
        Submission,
        Transition,
    )

__all__ = [
    "BadConfiguration",
    "BadRecipients",
    "BadSubmission",
    "BadTemplate",
    "Delivery",
    "DidNotArrive",
    "Disagreement",
    "EnvironmentFault",
    "Lab",
    "LabDidNotStart",
    "Message",
    "MtalabError",
    "NotOver",
    "Received",
    "Reconciliation",
    "Submission",
    "Transition",
    "UnknownField",
    "UnreadableInput",
    "UserError",
]

_HOMES: Final = {
    "affinity.errors": ("BadConfiguration",),
    "lab.submit.errors": ("BadRecipients", "BadSubmission", "UnreadableInput"),
    "mail.errors": ("EnvironmentFault", "MtalabError", "UserError"),
    "mta.errors": ("BadTemplate", "UnknownField"),
    "mtalab.errors": ("DidNotArrive", "LabDidNotStart", "NotOver"),
    "mtalab.lab": ("Lab",),
    "mtalab.results": (
        "Delivery",
        "Disagreement",
        "Message",
        "Received",
        "Reconciliation",
        "Submission",
        "Transition",
    ),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            from mtalab.rooms import check_rooms

            check_rooms()
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
