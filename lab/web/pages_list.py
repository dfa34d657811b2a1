"""All pages, each a router of its own."""

from typing import Final

from lab.web.pages import deliveries, scenarios, sign_in

ROUTERS: Final = (
    deliveries.router,
    scenarios.router,
    sign_in.router,
)
