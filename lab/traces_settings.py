"""Where traces are sent, as ``mtalab.toml`` has it under ``[traces]``."""

from typing import Annotated

from pydantic import AfterValidator, Field

from affinity.configuration import Table
from lab.webhook_settings import target_of


def otlp_url(text: str) -> str:
    """An address of a collector; raises ValueError for one that cannot be posted to."""
    target = target_of(text)
    if "?" in target.path:
        raise ValueError("expected a URL without ?, such as http://127.0.0.1:4318")
    return text


class TracesSettings(Table):
    """The collector that ``mtalab trace export`` tells of the ways of messages."""

    otlp: Annotated[str, AfterValidator(otlp_url)] | None = Field(
        default=None,
        description="Its URL, such as http://127.0.0.1:4318: http or https, an IP address of this "
        "machine or of lab.allow_networks.",
    )
