"""The webhook: POST /hooks/telegram, which stores an update, answers 200, then handles it.

The rule: the secret is compared before the body is read, in constant time; without a configured secret every
call is refused. A repetition is answered 200 and handled once.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiogram import Bot
from litestar import Request, Response, post
from litestar.background_tasks import BackgroundTask
from litestar.handlers import HTTPRouteHandler

from backend.core.settings import Secret
from bots.telegram.updates import HOOK_PATH, Hearing, stopped, until_done

SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
_MOST_BODY_OCTETS: Final = 1_000_000
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def is_from_telegram(secret: Secret, given: str | None) -> bool:
    """Whether the header proves that Telegram calls. Nothing does when no secret is configured."""
    if not secret or given is None:
        return False
    return hmac.compare_digest(secret.value.encode(), given.encode())


def webhook_route(secret: Secret, hearing: Hearing) -> HTTPRouteHandler:
    """The route for the composition root to mount (outside sign-in and CSRF, which its `opt` asks for)."""
    opt = {"exclude_from_auth": True, "exclude_from_csrf": True}

    @post(HOOK_PATH, status_code=200, include_in_schema=False, opt=opt, request_max_body_size=_MOST_BODY_OCTETS)
    async def take_update(request: Request[Any, Any, Any]) -> Response[None]:
        """200 once the update is stored; 401 without the secret; 400 for what is no JSON object."""
        if not is_from_telegram(secret, request.headers.get(SECRET_HEADER)):
            return Response(None, status_code=401)
        try:
            raw = _decode(await request.body())
        except msgspec.DecodeError:
            return Response(None, status_code=400)
        is_new = await hearing.take(raw)
        return Response(None, background=BackgroundTask(hearing.handle, raw) if is_new else None)

    return take_update


@asynccontextmanager
async def webhook_lifespan(bot: Bot, hearing: Hearing) -> AsyncIterator[None]:
    """The ears' life inside the web process: handle what an earlier process left, look again each minute."""
    sweeping = asyncio.create_task(_pick_up_then_sweep(hearing), name="telegram sweep")
    try:
        yield
    finally:
        await stopped(sweeping)
        await hearing.drain()
        await bot.session.close()


async def _pick_up_then_sweep(hearing: Hearing) -> None:
    await until_done("stored updates", hearing.pick_up)
    await hearing.sweep()
