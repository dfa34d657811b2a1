"""All pages, each a router of its own."""

from typing import Final

from lab.web.pages import (
    causes,
    deliveries,
    delivery,
    delivery_audit,
    delivery_content,
    delivery_log,
    delivery_pending,
    delivery_tracking,
    inbox,
    new_delivery,
    sign_in,
)

ROUTERS: Final = (
    deliveries.router,
    delivery.router,
    delivery_content.router,
    delivery_log.router,
    delivery_tracking.router,
    delivery_audit.router,
    delivery_pending.router,
    causes.router,
    inbox.router,
    new_delivery.router,
    sign_in.router,
)
