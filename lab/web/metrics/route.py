"""``/metrics``: in Prometheus' text format, or as OpenMetrics where it is asked for."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

router = APIRouter(tags=["metrics"])


@router.get("/metrics", response_class=Response)
def metrics(request: Request, accept: Annotated[str, Header()] = "") -> Response:
    """All metrics of the lab."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(request.app.state.collector)
    encode, content_type = choose_encoder(accept)
    return Response(encode(registry), headers={"Content-Type": content_type})
