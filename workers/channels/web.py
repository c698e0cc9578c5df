"""The carriers' callbacks: POST /hooks/<vendor>/<token>/<kind>, answered in the vendor's own form.

The rule: these vendors sign nothing, so the token in the address speaks for them. Without a configured one there is
no such address; a wrong one finds the same 404. What can't be read is told, logged, and changes nothing. A reply's
destination names a message only where the account extends its number: else its last digits are the account's own.
"""

import hmac
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from backend.core.errors import NotFound
from backend.core.i18n import N_
from backend.core.settings import Aliyun, Settings, Tencent
from workers.channels.aliyun import hooks as aliyun
from workers.channels.inbound import BadCallback, Heard, Replied, hear
from workers.channels.tencent import hooks as tencent

log = logging.getLogger(__name__)

_MOST_BODY_OCTETS: Final = 1_000_000
Readers = Mapping[str, Callable[[bytes], list[Heard]]]

ALIYUN: Final[Readers] = {
    "sms-report": aliyun.sms_reports,
    "sms-up": aliyun.sms_ups,
    "voice-report": aliyun.voice_reports,
    "call-report": aliyun.call_reports,
}
TENCENT: Final[Readers] = {"status": tencent.statuses, "reply": tencent.replies}


def carrier_routes(settings: Settings) -> list[HTTPRouteHandler]:
    """The routes for the composition root to mount; a vendor without a token has none."""
    vendors = (
        ("aliyun", settings.aliyun, ALIYUN, aliyun.ANSWER),
        ("tencent", settings.tencent, TENCENT, tencent.ANSWER),
    )
    return [_route(name, vendor, readers, answer) for name, vendor, readers, answer in vendors if vendor.hook_token]


def _route(vendor: str, settings: Aliyun | Tencent, readers: Readers, answer: Mapping[str, object]) -> HTTPRouteHandler:
    secret = settings.hook_token
    # outside sign-in and CSRF: what proves the caller is the address itself
    opt = {"exclude_from_auth": True, "exclude_from_csrf": True}

    @post(
        f"/hooks/{vendor}/{{token:str}}/{{kind:str}}",
        name=f"{vendor} hooks",
        status_code=200,
        include_in_schema=False,
        opt=opt,
        request_max_body_size=_MOST_BODY_OCTETS,
    )
    async def take(
        request: Request[Any, Any, Any], token: FromPath[str], kind: FromPath[str]
    ) -> Response[Mapping[str, object]]:
        """The vendor's own answer once everything is written down."""
        is_ours = hmac.compare_digest(secret.value.encode(), token.encode("utf-8", "surrogatepass"))
        read = readers.get(kind)
        if not is_ours or read is None:
            raise NotFound(N_("没有这个地址"))
        try:
            heard = read(await request.body())
        except BadCallback as error:
            log.warning("a callback can't be read", extra={"vendor": vendor, "kind": kind, "why": error.sentence})
            raise
        await hear(heard if settings.has_extend_codes else map(_without_extension, heard))
        return Response(answer)

    return take


def _without_extension(heard: Heard) -> Heard:
    return msgspec.structs.replace(heard, extend="") if isinstance(heard, Replied) else heard
