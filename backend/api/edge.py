"""What stands before every handler: which Host names we answer to, how often one address may ask, and headers.

The rule: the Host header alone counts (X-Forwarded-* is anybody's), the peer's address alone is limited, and
neither ever stands before `/hooks` (a provider's callback) or `/health`.
"""

import ipaddress
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.problems import refused
from backend.core.errors import NotFound, Refused, TooMany
from backend.core.i18n import N_
from backend.core.limits import Buckets
from backend.core.metrics import HTTP_REQUESTS
from backend.core.settings import Settings

_UNLIMITED: Final = ("/hooks", "/health", "/metrics")
_CSP: Final = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self' data:; "
    "connect-src 'self'; "
    "media-src 'self'; "
    "form-action 'self'; "
    "base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": _CSP,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
    }.items()
)
_PRIVATE: Final = (b"cache-control", b"no-store")
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


def peer_of(scope: Scope) -> str:
    """The address of whoever holds the other end of the connection."""
    client = scope.get("client")
    return client[0] if client else ""


def is_named_host(host: str, own: frozenset[str]) -> bool:
    """Whether a Host header names us: our own names, this machine, or a bare address (no DNS rebinding)."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:  # an opening bracket without its end
        return False
    if name in own or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Doorkeeper(ASGIMiddleware):
    """Refuses foreign Host names and callers that ask too often."""

    scopes = (ScopeType.HTTP, ScopeType.ASGI)

    def __init__(self, settings: Settings) -> None:
        self._own = frozenset({urlsplit(settings.public_url).hostname or "", settings.http.host})
        self._buckets = Buckets(per_minute=settings.http.requests_per_minute)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let it pass, or answer with the refusal."""
        error = self._why_not(scope)
        if error is None:
            await next_app(scope, receive, send)
            return
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        response = refused(request, error).to_asgi_response(None, request)
        await response(scope, receive, send)

    def _why_not(self, scope: Scope) -> Refused | None:
        if scope["path"].startswith(_UNLIMITED):
            return None
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not is_named_host(hosts[0].decode("latin-1"), self._own):
            return NotFound(N_("没有这个地址"))
        if not self._buckets.take(peer_of(scope)):
            return TooMany(N_("请求过于频繁，请稍候"))
        return None


class Headers:
    """Adds the security headers to each answer and counts it."""

    def __init__(self, settings: Settings) -> None:
        self._always = _HEADERS + ((_HSTS,) if settings.http.secure_cookies else ())

    async def __call__(self, message: Message, _: Scope) -> None:
        """Litestar's `before_send`: runs for every answer, also for addresses that lead nowhere."""
        if message["type"] != "http.response.start":
            return
        HTTP_REQUESTS.labels(status=f"{message['status'] // 100}xx").inc()
        given = list(message["headers"])
        names = {name.lower() for name, _ in given}
        wanted = self._always if b"cache-control" in names else (*self._always, _PRIVATE)
        message["headers"] = [*given, *(each for each in wanted if each[0] not in names)]
