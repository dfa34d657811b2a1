"""Mail labs in the tests of any project: a pytest plugin that imports nothing of mtalab's rooms.

It is loaded into other people's processes, where ``scheduler``, ``store`` and the like may be names
of their own. So nothing but the standard library and pytest is imported here: the lab is a process
of its own, started when a test first wants one, and asked over a pipe (docs/pytest.md).
"""

from mtalab_pytest.asserting import assert_all_sent, assert_pending_because
from mtalab_pytest.errors import LabError, NoLabs
from mtalab_pytest.lab import Lab
from mtalab_pytest.results import (
    Delivery,
    Finding,
    Message,
    Received,
    Step,
    Submitted,
    Transition,
    Why,
)

__all__ = [
    "Delivery",
    "Finding",
    "Lab",
    "LabError",
    "Message",
    "NoLabs",
    "Received",
    "Step",
    "Submitted",
    "Transition",
    "Why",
    "assert_all_sent",
    "assert_pending_because",
]
