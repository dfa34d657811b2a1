"""What can be wrong with what a test asks for.

UserError
├── OtherProtocol   plugin and program are of versions that do not understand each other
├── NoSuchRequest   the program knows no such request
├── BadRequest      values of a request are not what they should be
├── NoSuchLab       a lab that was closed, or never made
├── NoSuchDelivery  a delivery is called by a name that none has
└── AffinityNeeded  a delivery names no affinity, and there is more than one
EnvironmentFault
└── LabBroke        a process of a simulated lab ended by a mistake of ours
"""

from collections.abc import Iterable, Sequence

from affinity.errors import Mistake
from affinity.expected import nearest
from mail.errors import EnvironmentFault, UserError


class OtherProtocol(UserError):
    """Plugin and program do not understand each other."""


class NoSuchRequest(UserError):
    """A newer plugin asks for what this program cannot do."""

    def __init__(self, name: object, known: Iterable[str]) -> None:
        super().__init__(
            f"there is no request {name!r}{nearest(str(name), known)}",
            remedy="Install mtalab and its plugin in one version.",
        )


class BadRequest(UserError):
    """With every mistake that could be found."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(
            "\n".join(str(each) for each in mistakes),
            remedy="docs/pytest.md has what each call takes.",
        )


class NoSuchLab(UserError):
    """It is closed."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"lab {number} is not there any more",
            remedy="A lab ends with the test or the `with` that made it: make one of your own.",
        )


class NoSuchDelivery(UserError):
    """A delivery is called by a name that none has."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        there = list(known)
        super().__init__(
            f"there is no delivery {name!r}{nearest(name, there)}",
            remedy=f"There are: {', '.join(there) or 'none yet'}.",
        )


class AffinityNeeded(UserError):
    """A delivery names no affinity, and there is more than one to choose from."""


class LabBroke(EnvironmentFault):
    """A process of a simulated lab ended by a mistake of ours."""
