"""All pages, each a router of its own."""

from typing import Final

from lab.web.pages import deliveries, sign_in

ROUTERS: Final = (
    deliveries.router,
    sign_in.router,
)
