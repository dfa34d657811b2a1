"""The mirror page: a message in the browser, for whom the mail program shows it badly."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from mail.tracked import Kind
from store.errors import StoreUnavailable
from tracking.server import answers
from tracking.server.desk import Desk, Refused, query_of, values_in


def shown_by(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def mirror(request: Request) -> Response:
        who = request.scope["asker"]
        token, _ = await desk.read(request.path_params["token"], values_in(query_of(request.scope)))
        try:
            html = await desk.mirrors(token.delivery_id, token.message_id)
        except StoreUnavailable as error:
            raise Refused("away") from error
        if html is None:
            raise Refused("gone")
        desk.note(who, token, Kind.MIRROR, who.person)
        return answers.mirror(html)

    return mirror
