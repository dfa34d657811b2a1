"""All pages, each a router of its own."""

from typing import Final

from lab.web.pages import deliveries, inbox, new_delivery, scenarios, sign_in

ROUTERS: Final = (
    deliveries.router,
    new_delivery.router,
    scenarios.router,
    inbox.router,
    sign_in.router,
)
