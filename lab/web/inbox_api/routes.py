"""All routes of Mailpit's API, put together."""

from fastapi import APIRouter

from lab.web.inbox_api import application, chaos, message, messages, send, tags

API = APIRouter(include_in_schema=False)  # Mailpit describes its own
for _each in (messages, message, tags, application, chaos, send):
    API.include_router(_each.router)
VIEW = message.view
