"""By which names the server may be reached."""

from typing import Final

from lab.web_settings import WebSettings
from mail.notation import split_endpoint

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")


def reached_as(settings: WebSettings) -> frozenset[str]:
    """Values of the Host header, without port, that are ours."""
    host, _ = split_endpoint(settings.listen)
    return frozenset((*_LOOPBACK, f"[{host}]" if ":" in host else host, *settings.hosts))
