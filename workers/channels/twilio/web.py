"""Mounts Twilio's callbacks under /hooks/twilio: outside sign-in and CSRF, for the signature proves the caller.

They are there without a configured token too, and then refuse everything.
"""

from typing import Any, Final

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from backend.core.settings import Settings
from workers.channels.twilio.hooks import Answering, HookCall, TwilioHooks

_MOST_BODY_OCTETS: Final = 100_000
_OPEN: Final = {"exclude_from_auth": True, "exclude_from_csrf": True}


def twilio_routes(settings: Settings) -> list[HTTPRouteHandler]:
    """The routes for the composition root to mount."""
    hooks = TwilioHooks(settings.twilio, settings.public_url).hooks()
    return [_route(path, answering) for path, answering in hooks.items()]


def _route(path: str, answering: Answering) -> HTTPRouteHandler:
    @post(path, status_code=200, include_in_schema=False, opt=_OPEN, request_max_body_size=_MOST_BODY_OCTETS)
    async def take(request: Request[Any, Any, Any]) -> Response[bytes]:
        """What the hook says, as TwiML or without a word."""
        call = HookCall(
            path=path,
            query=request.scope["query_string"].decode("latin-1"),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.body(),
        )
        answer = await answering(call)
        return Response(answer.body.encode(), status_code=answer.status, media_type=answer.media_type)

    return take
