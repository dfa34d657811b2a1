"""Each cause has a gate, a section in the guide, and a place in the order that both share."""

import re
from pathlib import Path

from mail.cause import Cause
from monitor.why.chain import GATES

GUIDE = Path(__file__).parents[2] / "docs" / "stuck-pending.md"


def test_the_gates_stand_in_the_order_of_the_causes():
    assert [each.cause for each in GATES] == list(Cause)


def test_the_guide_has_a_section_for_each_cause():
    told = re.findall(r"^### `(\w+)`$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(told) == sorted(str(each) for each in Cause)
