"""A carrier's HTTP side: an ASGI application with faults, and serving it on loopback in this event loop.

The rule: requests are recorded when their last octet is here; then a fault, then the vendor's rules.
"""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Protocol

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from backend.demo.carriers.telephony.faults import Fault, FaultKind, FaultPlan

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_ABORT: Final = "fenghuo.abort"
_MOST_BODY: Final = 1_000_000
_LOOPBACK: Final = "127.0.0.1"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came."""

    method: str
    path: str
    query: str  #: as it was written, still escaped
    headers: dict[str, str]
    body: bytes


class Answered(msgspec.Struct, frozen=True):
    """Status and JSON of an answer, and what stands in its head besides."""

    status: int
    document: Any
    headers: Mapping[str, str] = {}


class HttpCarrier(ABC):
    """What a vendor's server is built on: subclasses say which action a request is and what comes of it."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.faults = FaultPlan()
        self._closing = asyncio.Event()

    @abstractmethod
    def action_of(self, asked: Asked) -> str:
        """The API action that is asked for; faults name it."""

    @abstractmethod
    async def act(self, action: str, asked: Asked) -> Answered:
        """The vendor's answer."""

    @abstractmethod
    def business_error(self, code: str, message: str) -> Answered:
        """A refusal in the vendor's form."""

    def spoiled(self, fault: Fault) -> Answered:
        """The refusal that a fault asks for."""
        return self.business_error(fault.code, fault.message)

    async def close(self) -> None:
        """End what waits."""
        self._closing.set()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != "http":
            return
        asked = await read(scope, receive)
        self.requests.append(asked)
        action = self.action_of(asked)
        fault = self.faults.take(action)
        if fault is None:
            await write(send, await self.act(action, asked))
            return
        early = await self.act(action, asked) if fault.is_carried_out else None
        if fault.kind is FaultKind.STALL:
            await self._stall(fault.seconds)
            await write(send, early or await self.act(action, asked))
            return
        await self._spoil(fault, scope, send)

    async def _spoil(self, fault: Fault, scope: Scope, send: Send) -> None:
        if fault.kind is FaultKind.DROP:
            scope["extensions"][_ABORT]()
            return
        answers = {
            FaultKind.HTTP: lambda: Answered(fault.status, None),
            FaultKind.NONSENSE: lambda: Answered(200, None),
            FaultKind.BUSINESS: lambda: self.spoiled(fault),
        }
        await write(send, answers[fault.kind]())

    async def _stall(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            pass


async def read(scope: Scope, receive: Receive) -> Asked:
    """The whole request; a body beyond the limit is cut there."""
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body") or len(body) > _MOST_BODY:
            break
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    return Asked(method=scope["method"], path=scope["path"], query=query, headers=headers, body=body)


async def write(send: Send, answer: Answered) -> None:
    """The answer as JSON; without a document, what a proxy in the way would say."""
    octets = b"<html>gateway</html>" if answer.document is None else msgspec.json.encode(answer.document)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(octets)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": octets})


class _AbortableProtocol(HttpToolsProtocol):
    """Lets a fault reset the connection: ASGI itself has no way to say that."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: Any = {_ABORT: self.transport.abort}
        self.scope["extensions"] = extensions


class _Listener(uvicorn.Server):
    """uvicorn inside a process whose signals stay its own."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Captures none."""
        yield


class Served(Protocol):
    """What can be served: an ASGI application that can be ended."""

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        ...

    async def close(self) -> None:
        """End what waits."""
        ...


@asynccontextmanager
async def serve(carrier: Served, port: int = 0) -> AsyncIterator[str]:
    """Serve on loopback while the block runs; yields the base address. Port 0 takes a free one."""
    config = uvicorn.Config(
        carrier.app,
        http=_AbortableProtocol,
        interface="asgi3",
        ws="none",
        proxy_headers=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    with socket.create_server((_LOOPBACK, port)) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener = _Listener(config)
        task = asyncio.create_task(listener.serve(sockets=[listening]), name="carrier")
        try:
            yield f"http://{_LOOPBACK}:{listening.getsockname()[1]}"
        finally:
            await carrier.close()
            listener.should_exit = True
            await task
