"""Running the carrier under uvicorn, on loopback only: in this process for tests, or as a process of its own.

The rule: whoever reaches the control interface can speak as anybody, so no address but this machine's own
is ever listened on. Nothing is logged per request: a Bot API path holds the token.
"""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from backend.demo.carriers.telegram.server import ABORT, BotApiServer
from backend.demo.carriers.telegram.updates import is_loopback

KEPT_IN_A_LONG_RUN: Final = 10_000
_BACKLOG: Final = 1024
_ENDING_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class _AbortableProtocol(HttpToolsProtocol):
    """Lets a scripted fault reset the connection: ASGI itself has no way to say that."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: Any = {ABORT: self.transport.abort}
        self.scope["extensions"] = extensions


class _Listener(uvicorn.Server):
    """uvicorn inside a process whose signals stay its own."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Captures none: `run` listens for them, a test's process keeps them."""
        yield


def _listener(server: BotApiServer) -> _Listener:
    config = uvicorn.Config(
        server.app,
        http=_AbortableProtocol,
        interface="asgi3",  # a bound method is not recognised as such
        ws="none",
        proxy_headers=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    return _Listener(config)


def _listen(host: str, port: int) -> socket.socket:
    if not is_loopback(host):
        raise ValueError(f"the carrier listens on loopback only, not on {host}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    # Accepted sockets inherit it. asyncio sets it only on sockets that name their protocol, which these do
    # not; without it each answer waits some 40 ms for the client's delayed acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def serve(server: BotApiServer, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serves in this event loop while the block runs; yields the base address. Port 0 takes a free one.

    Raises ValueError for an address that is not loopback, OSError for a port that is taken.
    """
    with _listen(host, port) as listening:
        listener = _listener(server)
        task = asyncio.create_task(listener.serve(sockets=[listening]), name="telegram carrier")
        try:
            yield _address(listening)
        finally:
            await server.close()
            listener.should_exit = True
            await task


async def run(host: str, port: int, token: str, *, enforce_limits: bool = False) -> None:
    """The carrier as a process: serves until SIGTERM or SIGINT, keeping the latest requests only."""
    loop = asyncio.get_running_loop()
    told_to_stop = asyncio.Event()
    for number in _ENDING_SIGNALS:
        loop.add_signal_handler(number, told_to_stop.set)
    server = BotApiServer(token, enforce_limits=enforce_limits, requests_kept=KEPT_IN_A_LONG_RUN)
    try:
        async with serve(server, host, port):
            await told_to_stop.wait()
    finally:
        for number in _ENDING_SIGNALS:
            loop.remove_signal_handler(number)
