"""The web application, put together from the edges' routes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.types import ControllerRouterHandler

from backend.api.auth import DEPENDENCIES
from backend.api.deadlines import DEADLINES
from backend.api.describing import Description
from backend.api.edge import Doorkeeper, Headers, ProvenSessions
from backend.api.health import HEALTH
from backend.api.operator import OPERATOR
from backend.api.problems import PLUGIN, bug, framework_refused, refused, too_deep
from backend.api.reaching import REACHING
from backend.core.errors import Refused
from backend.core.live import Listener
from backend.core.settings import Settings

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]
_API_VERSION: Final = "1"
_LARGEST_BODY: Final = 1_000_000  # octets; the longest answer of a chat service is a few thousand


def build_app(
    settings: Settings,
    *,
    routes: Sequence[ControllerRouterHandler],
    listener: Listener,
    demo: bool = False,
    lifespan: Sequence[Lifespan] = (),
) -> Litestar:
    """The application. It starts and stops `listener` and `lifespan`; the database pool is the process's own affair.

    Handlers may ask by name for `settings`, `listener`, `is_demo`, `person` (raises NotSignedIn) and `via`.
    """

    @asynccontextmanager
    async def listening(_: Litestar) -> AsyncIterator[None]:
        await listener.start()
        try:
            yield
        finally:
            await listener.stop()

    proven = ProvenSessions()
    return Litestar(
        route_handlers=[*HEALTH, *OPERATOR, *DEADLINES, *REACHING, *routes],
        dependencies={
            **DEPENDENCIES,
            "settings": Provide(lambda: settings, sync_to_thread=False),
            "listener": Provide(lambda: listener, sync_to_thread=False),
            "is_demo": Provide(lambda: demo, sync_to_thread=False),
        },
        state=State({"settings": settings, "proven": proven}),
        middleware=[Doorkeeper(settings, proven)],
        before_send=[Headers(settings)],
        lifespan=[listening, *lifespan],
        plugins=[PLUGIN],
        exception_handlers={Refused: refused, HTTPException: framework_refused, RecursionError: too_deep, 500: bug},
        openapi_config=OpenAPIConfig(
            title="Fenghuo 烽火", version=_API_VERSION, path="/schema", render_plugins=[Description()]
        ),
        request_max_body_size=_LARGEST_BODY,
        logging_config=None,
    )
