"""Where spans are sent: an OTLP receiver, by HTTP. Nothing is looked up, nothing is followed."""

from typing import Final, Self

import httpx

from lab.spans.otlp import refused_of
from mail.errors import EnvironmentFault
from world.network import Network

PATH: Final = "/v1/traces"
_TIMEOUT_S: Final = 30.0
_SHOWN_MAX: Final = 200


class TracesNotTaken(EnvironmentFault):
    """The collector is not there, or would not have what was sent."""


class Collector:
    """Posts to one address; use it as a context. Proxies of the environment are left alone."""

    def __init__(self, url: str, address: str, network: Network) -> None:
        """Nothing is sent yet.

        Args:
            url: of the collector, without the path that OTLP has.
            address: the IP address in it.
            network: what may be reached.

        Raises:
            ForbiddenDestination: the network does not admit the address.
        """
        network.admit(address)
        self.url = url.rstrip("/") + PATH
        self._client = httpx.Client(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, body: bytes) -> int:
        """Post encoded spans; returns how many of them were refused.

        Raises:
            TracesNotTaken: it is not known that it took them.
        """
        try:
            answer = self._client.post(
                self.url, content=body, headers={"content-type": "application/x-protobuf"}
            )
        except httpx.HTTPError as error:
            raise self._not_taken(str(error) or type(error).__name__) from error
        if not answer.is_success:
            words = "".join(each if each.isprintable() else " " for each in answer.text)
            raise self._not_taken(f"it answered {answer.status_code} {words[:_SHOWN_MAX]}".strip())
        return refused_of(answer.content)[0]

    def _not_taken(self, why: str) -> TracesNotTaken:
        return TracesNotTaken(
            f"the collector at {self.url} did not take the spans: {why}",
            remedy="See that it runs and takes OTLP by HTTP, mostly on port 4318. What it has "
            "already has the same numbers when it is sent again.",
        )
