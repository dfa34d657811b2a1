"""All pages, each a router of its own."""

from typing import Final

from lab.web.pages import (
    api,
    deliveries,
    inbox,
    message,
    new_delivery,
    recipients,
    scenarios,
    search,
    sign_in,
)

ROUTERS: Final = (
    deliveries.router,
    new_delivery.router,
    scenarios.router,
    inbox.router,
    message.router,
    recipients.router,
    search.router,
    api.router,
    sign_in.router,
)
