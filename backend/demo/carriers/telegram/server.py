"""The Bot API as an ASGI application: addresses, octets, the record of requests, faults.

The rule: a request is recorded the moment its last octet is here; then a fault, then the method, then the
answer. Nothing of the token is ever written to a log or an error.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from backend.core import clock
from backend.demo.carriers.telegram import control, refusals
from backend.demo.carriers.telegram.account import BotAccount
from backend.demo.carriers.telegram.actor import Actor
from backend.demo.carriers.telegram.faults import Fault, FaultKind, FaultPlan, refusal_of
from backend.demo.carriers.telegram.forms import Form, read_form
from backend.demo.carriers.telegram.methods import METHODS, Method, carry_out
from backend.demo.carriers.telegram.refusals import ApiRefusal, ResponseParameters
from backend.demo.carriers.telegram.street import ChatView, view_chat
from backend.demo.carriers.telegram.traffic import CarrierRequest, RequestLog, without_secrets
from backend.demo.carriers.telegram.wire import BotUser

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MOST_BODY_OCTETS: Final = 50 * 1024 * 1024
ABORT: Final = "fenghuo.abort"  #: scope extension by which `serving` lets a fault reset the connection
_JSON: Final = b"application/json"
_JSON_NULL: Final = msgspec.Raw(b"null")
_encode = msgspec.json.Encoder().encode


class _Answer(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The envelope of every answer of the Bot API."""

    ok: bool
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error_code: int | None = None
    description: str | None = None
    parameters: ResponseParameters | None = None


class _ConnectionDropped(Exception):  # noqa: N818 - a fault that was asked for, not an error
    """The fault drop_connection strikes now."""


class BotApiServer:
    """A Telegram Bot API server for one bot; `.app` is the ASGI callable, `.act` the people's side.

    `requests_kept` bounds the record of requests (None keeps all, for a checker); `webhook_back_off` is the
    first wait, in seconds, before a failed webhook delivery is tried again.
    """

    def __init__(
        self,
        token: str,
        *,
        bot_username: str = "fenghuo_bot",
        enforce_limits: bool = False,
        requests_kept: int | None = None,
        webhook_back_off: float = 1.0,
    ) -> None:
        bot_id, colon, _ = token.partition(":")
        if not (bot_id.isdigit() and colon):
            raise ValueError("a bot token looks like 123456:ABC…")  # and never shows the one given
        bot = BotUser(
            id=int(bot_id),
            is_bot=True,
            first_name="烽火",
            username=bot_username,
            can_join_groups=True,
            can_read_all_group_messages=True,
            supports_inline_queries=False,
        )
        self._token = token
        self.account = BotAccount(bot, enforce_limits=enforce_limits, webhook_back_off=webhook_back_off)
        self.act = Actor(self.account)
        self.faults = FaultPlan()
        self.log = RequestLog(requests_kept)
        self._closing = asyncio.Event()

    @property
    def requests(self) -> list[CarrierRequest]:
        """Every request received, in order of arrival."""
        return self.log.entries

    @property
    def version(self) -> int:
        """Raised by every change a phone would show."""
        return self.account.book.version

    async def wait_change(self, since: int, *, seconds: float | None = None) -> int:
        """The version as soon as it is above `since`, or as it stands after that time or at the end."""
        if self._closing.is_set():
            return self.version
        return await self.account.book.wait_change(since, seconds=seconds)

    def chat_view(self, chat_id: int, *, with_history: bool = False) -> ChatView:
        """The chat as a phone shows it. Raises ApiRefusal "chat not found"."""
        return view_chat(self.account, chat_id, with_history=with_history)

    async def close(self) -> None:
        """Ends everything that waits: polls, stalls, watchers, the webhook's task. Safe to call twice."""
        self._closing.set()
        self.account.book.wake()
        await self.account.updates.close()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        body = await read_body(receive)
        if body is None:
            return
        try:
            status, kind, octets = await self._route(scope, body)
        except _ConnectionDropped:
            await _drop(scope, receive)
            return
        headers = [(b"content-type", kind), (b"content-length", str(len(octets)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": octets})

    async def _live(self, receive: Receive, send: Send) -> None:
        """The ASGI lifespan."""
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif event["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _route(self, scope: Scope, body: bytes) -> tuple[int, bytes, bytes]:
        path: str = scope["path"]
        if path.startswith("/control/"):
            return await control.answer(self, scope, body)
        if path.startswith("/file/bot"):
            return self._download(*_split(path, "/file/bot"))
        if path.startswith("/bot"):
            return await self._call(scope, body)
        return _refused(ApiRefusal(*refusals.NOT_FOUND))

    def _is_own(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token.encode())

    def _download(self, token: str, path: str) -> tuple[int, bytes, bytes]:
        """Octets of a file that getFile named."""
        if not self._is_own(token):
            return _refused(ApiRefusal(*refusals.UNAUTHORIZED))
        stored = self.account.files.at_path(path)
        if stored is None:
            return _refused(ApiRefusal(*refusals.NOT_FOUND))
        return 200, b"application/octet-stream", stored.upload.octets

    async def _call(self, scope: Scope, body: bytes) -> tuple[int, bytes, bytes]:
        """One method of the bot: recorded, spoiled if so planned, carried out, answered."""
        token, name = _split(scope["path"], "/bot")
        request = self.log.arrived(name)
        try:
            form = self._read(scope, body, token, request)
            request.answer = await self._carry_out(_method(name), form, request)
        except ApiRefusal as refusal:
            request.status, request.error = refusal.code, refusal.description
            request.answered_monotonic = clock.monotonic()
            return _refused(refusal)
        request.status, request.answered_monotonic = 200, clock.monotonic()
        return 200, _JSON, _encode(_Answer(ok=True, result=request.answer))

    def _read(self, scope: Scope, body: bytes, token: str, request: CarrierRequest) -> Form:
        """Parameters of a request that has the right to be here, written into its record."""
        if not self._is_own(token):
            raise ApiRefusal(*refusals.UNAUTHORIZED)
        if scope["method"] not in ("GET", "POST"):
            raise ApiRefusal(*refusals.METHOD_NOT_ALLOWED)
        if len(body) > MOST_BODY_OCTETS:
            raise ApiRefusal(*refusals.TOO_LARGE)
        content_type = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
        form = read_form(content_type, scope["query_string"], body)
        request.params = without_secrets(form.params)
        request.files = [upload.filename for upload in form.files.values()]
        return form

    async def _carry_out(self, method: Method, form: Form, request: CarrierRequest) -> msgspec.Raw:
        fault = self.faults.take(method.name, request.chat_id)
        if fault is None:
            return await self._do(method, form, request)
        request.fault = fault.kind
        if refusal := refusal_of(fault):
            raise refusal
        result = await self._do(method, form, request) if fault.carried_out else _JSON_NULL
        await self._hold(fault)
        if fault.kind is FaultKind.DROP_CONNECTION:
            raise _ConnectionDropped
        return result if fault.carried_out else await self._do(method, form, request)

    async def _do(self, method: Method, form: Form, request: CarrierRequest) -> msgspec.Raw:
        result = msgspec.Raw(_encode(await carry_out(self.account, method, form)))
        request.carried_out = True
        return result

    async def _hold(self, fault: Fault) -> None:
        """Holds the answer back; a drop comes at once."""
        if fault.kind is not FaultKind.STALL:
            return
        try:
            async with asyncio.timeout(fault.seconds):
                await self._closing.wait()
        except TimeoutError:
            return


def _method(name: str) -> Method:
    method = METHODS.get(name.lower())
    if method is None:
        raise ApiRefusal(*refusals.METHOD_NOT_FOUND)
    return method


def _split(path: str, prefix: str) -> tuple[str, str]:
    """Token and the rest."""
    token, _, rest = path.removeprefix(prefix).partition("/")
    return token, rest


def _refused(refusal: ApiRefusal) -> tuple[int, bytes, bytes]:
    envelope = _Answer(
        ok=False, error_code=refusal.code, description=refusal.description, parameters=refusal.parameters
    )
    return refusal.code, _JSON, _encode(envelope)


async def read_body(receive: Receive) -> bytes | None:
    """The whole body, or None if the client went away; one that is too long is cut just behind the bound."""
    pieces: list[bytes] = []
    length = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        piece = event.get("body", b"")
        if length <= MOST_BODY_OCTETS:
            pieces.append(piece)
            length += len(piece)
        if not event.get("more_body"):
            return b"".join(pieces)


async def _drop(scope: Scope, receive: Receive) -> None:
    """Resets the connection where the server lets us; elsewhere the client sees the application fail."""
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is None:
        raise ConnectionResetError("dropped by a scripted fault")
    abort()
    await receive()  # returns once the connection is gone, so that nobody misses an answer
