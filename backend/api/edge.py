"""What stands before every handler: which Host names we answer to, how often one address may ask, and headers.

The rule: the Host header alone counts, and X-Forwarded-For only from a trusted proxy. A signed-in caller is limited
by their session, so that people behind one address never slow each other down; everybody else by their address.
Nothing stands before `/hooks` (a provider's callback) or `/health`, and no limit before an acknowledgement.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.problems import refused
from backend.core.cookies import DESK_COOKIE, PHONE_COOKIE, bearer_of
from backend.core.errors import NotFound, Refused, TooMany
from backend.core.i18n import N_
from backend.core.ids import token_digest
from backend.core.limits import Buckets
from backend.core.metrics import HTTP_REQUESTS
from backend.core.peers import caller_address
from backend.core.settings import Settings

_OPEN: Final = ("/hooks", "/health", "/metrics")
#: a person who says that they know of a fire is never told to come back later
_NEVER_LIMITED: Final = "/acknowledgement"
_SESSIONS_KEPT: Final = 50_000
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
        "permissions-policy": "camera=(), microphone=(), geolocation=(self)",
    }.items()
)
_PRIVATE: Final = (b"cache-control", b"no-store")
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


def caller_of(scope: Scope, trusted: Sequence[str]) -> str:
    """The caller's address, behind trusted proxies too."""
    client = scope.get("client")
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return caller_address(client[0] if client else "", forwarded, trusted)


class ProvenSessions:
    """Digests of tokens that opened a session lately; made-up tokens never get a limit of their own."""

    def __init__(self, most: int = _SESSIONS_KEPT) -> None:
        self._most = most
        self._digests: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, digest: str) -> bool:
        return digest in self._digests

    def add(self, digest: str) -> None:
        """The token was found good."""
        self._digests[digest] = None
        self._digests.move_to_end(digest)
        if len(self._digests) > self._most:
            self._digests.popitem(last=False)

    def discard(self, digest: str) -> None:
        """The token was refused."""
        self._digests.pop(digest, None)


def tokens_of(request: Request[Any, Any, Any]) -> Iterator[str]:
    """Every token that came with a request, whichever of them will be asked for."""
    yield from filter(
        None, (bearer_of(request.headers), *(request.cookies.get(name) for name in (DESK_COOKIE, PHONE_COOKIE)))
    )


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

    def __init__(self, settings: Settings, proven: ProvenSessions) -> None:
        self._own = frozenset({urlsplit(settings.public_url).hostname or "", settings.http.host})
        self._trusted = settings.http.trusted_proxies
        self._proven = proven
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
        if scope["path"].startswith(_OPEN):
            return None
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not is_named_host(hosts[0].decode("latin-1"), self._own):
            return NotFound(N_("没有这个地址"))
        if scope["path"].endswith(_NEVER_LIMITED) or self._buckets.take(self._who(scope)):
            return None
        return TooMany(N_("请求过于频繁，请稍候"))

    def _who(self, scope: Scope) -> str:
        """Whose limit counts: the session's, if one was opened with this token; else the address's."""
        digests = (token_digest(token) for token in tokens_of(Request(scope)))
        return next((each for each in digests if each in self._proven), "") or caller_of(scope, self._trusted)


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
