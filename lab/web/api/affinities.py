"""``/api/v1/affinities``: source IPs and weights, and which of them an address would get."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from lab.web.lab_here import Here
from lab.which_ip import NoSuchAffinity, choose
from mail.errors import Where

router = APIRouter(prefix="/affinities", tags=["affinities"])


@router.get("")
def listed(lab: Here) -> dict[str, Any]:
    """All affinities of the configuration, in its order."""
    found = lab.loaded.configuration.affinity
    return {
        "affinities": [
            {"name": name, **each.model_dump(mode="json")} for name, each in found.items()
        ]
    }


@router.get("/{name}/choose")
def which(
    lab: Here,
    name: str,
    address: Annotated[str, Query(min_length=3, max_length=320, description="A recipient.")],
) -> dict[str, Any]:
    """Which source IPs mail to an address would leave by, with shares and lanes."""
    configuration = lab.loaded.configuration
    if name not in configuration.affinity:
        raise NoSuchAffinity(
            f"there is no affinity {name!r}",
            where=Where(key="name"),
            remedy=f"There are: {', '.join(configuration.affinity) or 'none'}.",
        )
    return choose(configuration, name, address).as_json()
