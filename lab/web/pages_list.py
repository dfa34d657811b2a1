"""All pages, each a router of its own."""

from typing import Final

from lab.web.pages import deliveries, inbox, sign_in

ROUTERS: Final = (
    deliveries.router,
    inbox.router,
    sign_in.router,
)
