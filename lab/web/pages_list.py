"""All pages, each a router of its own."""

from typing import Final

from lab.web.pages import (
    api,
    causes,
    deliveries,
    delivery,
    delivery_audit,
    delivery_content,
    delivery_log,
    delivery_pending,
    delivery_tracking,
    flow,
    inbox,
    message,
    mtas,
    new_delivery,
    queue,
    recipients,
    scenarios,
    search,
    sign_in,
    sinks,
)

ROUTERS: Final = (
    deliveries.router,
    new_delivery.router,
    delivery.router,
    delivery_content.router,
    delivery_log.router,
    delivery_tracking.router,
    delivery_audit.router,
    delivery_pending.router,
    causes.router,
    flow.router,
    queue.router,
    mtas.router,
    message.router,
    sinks.router,
    inbox.router,
    recipients.router,
    scenarios.router,
    search.router,
    api.router,
    sign_in.router,
)
