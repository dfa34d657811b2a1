"""All pages, each a router of its own."""

from typing import Final

from lab.web.pages import api, deliveries, message, recipients, search, sign_in

ROUTERS: Final = (
    deliveries.router,
    message.router,
    recipients.router,
    search.router,
    api.router,
    sign_in.router,
)
