"""The lab for those who change it: one that was kept from a simulation is only looked at."""

from typing import Annotated

from fastapi import Depends

from lab.web.lab_here import Here, LabHere
from lab.web.problems import OnlyToLookAt


def _changeable(lab: Here) -> LabHere:
    if lab.is_kept:
        raise OnlyToLookAt(
            "this lab was kept from a simulation: it can be looked at, and not changed",
            remedy="Run the scenario again, with the change as an event of it.",
        )
    return lab


Changeable = Annotated[LabHere, Depends(_changeable)]
"""As ``Here``, refused for a lab that is only to be looked at."""
