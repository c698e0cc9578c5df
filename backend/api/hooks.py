"""Mounts providers' callbacks: outside sign-in and CSRF, for each proves itself by its own signature or secret."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from backend.core.hooks import Hook, HookCall

_MOST_BODY_OCTETS: Final = 1_000_000
_OPEN: Final = {"exclude_from_auth": True, "exclude_from_csrf": True}


def hook_routes(hooks: Sequence[Hook]) -> list[HTTPRouteHandler]:
    """A route for each hook."""
    return [_route(hook) for hook in hooks]


def _route(hook: Hook) -> HTTPRouteHandler:
    @post(hook.path, status_code=200, include_in_schema=False, opt=_OPEN, request_max_body_size=_MOST_BODY_OCTETS)
    async def take(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Whatever the vendor's own hook answers."""
        answer = await hook.answer(
            HookCall(
                path=hook.path,
                query=request.scope["query_string"].decode("latin-1"),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await request.body(),
            )
        )
        return Response(answer.body.encode(), status_code=answer.status, media_type=answer.media_type)

    return take
