"""The application put together: routers of the API, the inbox API, the metrics and the pages."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from lab.web import health, pages_list, problem_page, static
from lab.web.api import (
    affinities,
    coming_back,
    configuration,
    deliveries,
    events,
    find,
    flow,
    log,
    operating,
    reports,
    scenarios,
    sinks,
    standing,
    steering,
    submitting,
)
from lab.web.described import describe
from lab.web.guard import Guard, Rules
from lab.web.inbox_api import routes as inbox_api
from lab.web.lab_here import LabHere
from lab.web.metrics import route as metrics_route
from lab.web.metrics.collector import Collector
from lab.web.problems import speak_of_problems

API: Final = "/api/v1"
_DESCRIPTION: Final = """What the commands of mtalab do, for programs. Times are seconds since \
1970 (UTC), shares are parts of 1. What is refused comes as a problem of RFC 9457 with a `remedy`. \
Lists are read page by page: `next` of an answer is `cursor` of the next question."""
_OURS: Final = (
    deliveries.router,
    submitting.router,
    steering.router,
    log.router,
    standing.router,
    flow.router,
    operating.router,
    configuration.router,
    affinities.router,
    sinks.router,
    coming_back.router,
    reports.router,
    find.router,
    events.router,
    scenarios.router,
)


def app_of(lab: LabHere, rules: Callable[[], Rules]) -> ASGIApp:
    """The whole server of one lab; ``rules`` tells who may ask."""
    app = FastAPI(
        title="mtalab",
        version=version("mtalab"),
        description=_DESCRIPTION,
        openapi_url="/openapi.json",
        docs_url=None,  # its page loads from elsewhere; ours is at /api
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.lab = lab
    app.state.collector = Collector(lab)
    speak_of_problems(app, problem_page.shown)
    describe(app)
    for each in _OURS:
        app.include_router(each, prefix=API)
    app.include_router(inbox_api.API, prefix=API)
    app.include_router(inbox_api.VIEW, include_in_schema=False)
    app.include_router(health.router)
    app.include_router(metrics_route.router)
    for each in pages_list.ROUTERS:
        app.include_router(each, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=static.FOLDER), name="static")
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    return Guard(app, rules)
