"""Running the Twilio server under uvicorn inside this event loop, on loopback only."""

import asyncio
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn

from backend.demo.carriers.twilio.server import TwilioServer

_LOOPBACK: Final = "127.0.0.1"


class _Listener(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Captures none: the process's signals stay its own."""
        yield


@asynccontextmanager
async def serve(server: TwilioServer, port: int = 0) -> AsyncIterator[str]:
    """Serves while the block runs; yields the base address. Port 0 takes a free one."""
    listening = socket.create_server((_LOOPBACK, port))
    # else each answer waits some 40 ms for the client's delayed acknowledgement
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        server.app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=1
    )
    listener = _Listener(config)
    with listening:
        task = asyncio.create_task(listener.serve(sockets=[listening]), name="twilio carrier")
        try:
            yield f"http://{_LOOPBACK}:{listening.getsockname()[1]}"
        finally:
            await server.close()
            listener.should_exit = True
            await task
