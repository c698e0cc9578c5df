"""The composition root: builds each process. Imported by the command line only.

An edge is imported inside the function that starts it: aiogram alone costs seconds, and no process needs all.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvloop

from backend.core import working_time
from backend.core.announce import Announcer, announcing
from backend.core.beats import beating
from backend.core.db.engine import database
from backend.core.logs import start_logging
from backend.core.settings import Settings
from backend.core.vocabulary import Channel as ChannelName
from backend.core.vocabulary import Lane
from backend.delivery.budgets import limits_of
from backend.delivery.model import Channel

if TYPE_CHECKING:
    from litestar import Litestar

    from backend.intake import Committed
    from backend.registry.directory import Directory
    from workers.lanes import Chore

log = logging.getLogger(__name__)

SUPERVISOR: Final = "up"
_GC_THRESHOLDS: Final = (20_000, 20, 50)
_CANCELS: Final = 4
_CANCEL_PATIENCE_S: Final = 1.5


def _telegram(settings: Settings) -> Channel | None:
    if not settings.telegram.token:
        return None
    from bots.telegram.channel import TelegramChannel

    return TelegramChannel(settings.telegram, settings.workers.send_timeout_s)


def _app(settings: Settings) -> Channel | None:
    from miniprogram_api.channel import AppChannel

    return AppChannel(settings.redis.url.value)


def _sms(settings: Settings) -> Channel | None:
    if not settings.sms.vendors and not settings.sms.vendors_abroad:
        return None
    from workers.channels.vendors import sms_channel

    return sms_channel(settings)


def _voice(settings: Settings) -> Channel | None:
    if not settings.voice.vendors and not settings.voice.vendors_abroad:
        return None
    from workers.channels.vendors import voice_channel

    return voice_channel(settings)


def _webhook(settings: Settings) -> Channel | None:
    if not settings.webhook.secret:
        return None
    from workers.channels.webhook import WebhookChannel

    return WebhookChannel(settings.webhook, settings.workers.send_timeout_s)


def _apprise(settings: Settings) -> Channel | None:
    if not settings.apprise.enabled:
        return None
    from workers.channels.apprise import AppriseChannel

    return AppriseChannel(settings.workers.send_timeout_s)


#: every way to reach a person; None where the settings have no access to it. To add one: write the class, list it.
CHANNELS: Final[Mapping[ChannelName, Callable[[Settings], Channel | None]]] = {
    ChannelName.APP: _app,
    ChannelName.TELEGRAM: _telegram,
    ChannelName.SMS: _sms,
    ChannelName.VOICE: _voice,
    ChannelName.WEBHOOK: _webhook,
    ChannelName.APPRISE: _apprise,
}


def build_channels(settings: Settings) -> dict[ChannelName, Channel]:
    """The channels these settings allow."""
    built = {name: build(settings) for name, build in CHANNELS.items()}
    return {name: channel for name, channel in built.items() if channel is not None}


def run_process(name: str, settings: Settings, main: Callable[[Settings, asyncio.Event], Awaitable[None]]) -> None:
    """Run one process until SIGTERM or SIGINT, which sets the event that `main` watches."""
    start_logging(name, settings.log.level)
    if name == SUPERVISOR:
        asyncio.run(_until_told(settings, main))  # uvloop can't start a child as another user
    else:
        uvloop.run(_until_told(settings, main))


async def _until_told(settings: Settings, main: Callable[[Settings, asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await main(settings, stop)


@asynccontextmanager
async def _house(settings: Settings, name: str) -> AsyncIterator[Announcer]:
    """What every process stands on: the pool, the announcer, and the beats that say it lives."""
    with working_time.use(working_time.calendar_of(settings.calendar)):
        async with database(settings), announcing(settings.redis.url.value) as announcer, beating(name):
            yield announcer


def _settle() -> None:
    """What was imported and built so far stays: the collector need not walk 150 MB of it again and again.

    A full collection of a worker's modules takes a tenth of a second, in which no alarm moves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


async def gateway(settings: Settings, stop: asyncio.Event) -> None:
    """The protocol gateway: frames in, ledger and alarms, confirms out."""
    from backend.intake import Intake
    from protocol_gateway.server import GatewayServer

    async with (
        _house(settings, "gateway") as announcer,
        _directory() as directory,
        Intake(directory, _teller(announcer), most=settings.gateway.batch_frames, storms=settings.storms) as intake,
    ):
        server = GatewayServer(settings.gateway, intake, directory)
        _settle()
        await server.run(stop)


@asynccontextmanager
async def _directory() -> "AsyncIterator[Directory]":
    """The registry in this process's memory, kept fresh."""
    from backend.registry.directory import Directory

    directory = Directory()
    await directory.start()
    refreshing = asyncio.create_task(directory.run(), name="directory")
    try:
        yield directory
    finally:
        await _end(refreshing)


def _teller(announcer: Announcer) -> "Callable[[Committed], Awaitable[None]]":
    """What the front door does after a commit: ring and hint."""

    async def tell(committed: "Committed") -> None:
        raised = committed.raised
        await announcer.announce(raised.planned.attempts, raised.redraws, committed.hints)

    return tell


async def worker(settings: Settings, stop: asyncio.Event, lane: Lane, ready: Path | None = None) -> None:
    """One worker of a lane; the routine lane's also do the chores. `ready` is made once it can work."""
    from workers.lanes import LaneWorker

    async with _house(settings, lane) as announcer, contextlib.AsyncExitStack() as stack:
        lane_worker = LaneWorker(
            lane,
            build_channels(settings),
            redis_url=settings.redis.url.value,
            send_timeout_s=settings.workers.send_timeout_s,
            concurrency=settings.workers.concurrency,
            limits=limits_of(settings.budgets),
            chores=await _chores(settings, announcer, stack) if lane is Lane.ROUTINE else (),
            on_ready=lambda: _is_ready(ready),
        )
        await _first_of(asyncio.create_task(lane_worker.run(), name=f"worker-{lane}"), stop)


def _is_ready(file: Path | None) -> None:
    _settle()
    if file is not None:
        file.touch()


async def _chores(settings: Settings, announcer: Announcer, stack: contextlib.AsyncExitStack) -> "tuple[Chore, ...]":
    """What the routine workers do beside delivery, each as often as it needs."""
    from backend.alarms.digests.service import send_digests
    from backend.alarms.escalating import escalate
    from backend.alarms.masks.chores import look_after_masks
    from backend.chat.drafts import forget_drafts
    from backend.complaints.chores import look_after_complaints
    from backend.delivery.carrier_words import settle_early_words
    from backend.delivery.gaps import tell_of_gaps
    from backend.delivery.sweep import mark_breaches
    from backend.duty.checks import look_after_checks
    from backend.evidence.service import forget_unbound
    from backend.intake import forget_fingerprints, sweep_outages, sweep_stale, sweep_storms
    from backend.ledger.service import ensure_partitions
    from backend.monitoring.history import forget_history
    from backend.rota.warning import warn_of_gaps
    from backend.work_orders.chores import look_after_orders
    from workers.lanes import Every

    directory = await stack.enter_async_context(_directory())
    return (
        escalate,
        Every(1, mark_breaches),
        Every(600, warn_of_gaps),
        Every(60, tell_of_gaps),
        Every(2, settle_early_words),
        Every(1, look_after_masks),
        Every(5, look_after_complaints),
        Every(1, look_after_orders),
        Every(1, look_after_checks),
        Every(1, send_digests),
        Every(60, forget_history),
        Every(1, lambda: sweep_storms(settings.storms, _teller(announcer))),
        Every(2, lambda: sweep_outages(settings.carriers, _teller(announcer))),
        Every(30, forget_fingerprints),
        Every(30, lambda: sweep_stale(directory, _teller(announcer), settings.storms)),
        Every(600, forget_drafts),
        Every(3600, forget_unbound),
        Every(6 * 3600, ensure_partitions),
    )


async def _first_of(running: "asyncio.Task[Any]", stop: asyncio.Event) -> None:
    """Until told to stop; a task that ends by itself takes its process with it, and the supervisor starts it anew."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await _end(stopping)
    if running.done():
        running.result()
    await _end(running)


async def _end(task: "asyncio.Task[Any]") -> None:
    """End a task. One that swallows its cancellation takes the process with it: the rows are the truth, not we."""
    for _ in range(_CANCELS):
        task.cancel()
        await asyncio.wait({task}, timeout=_CANCEL_PATIENCE_S)
        if task.done():
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("ended with an error", exc_info=error, extra={"task": task.get_name()})
            return
    log.error("a task would not end", extra={"task": task.get_name()})
    os._exit(1)


async def web(settings: Settings, stop: asyncio.Event, *, demo: bool = False) -> None:
    """The web process: pages, phones, API, hooks, metrics."""
    import uvicorn

    from backend.api.app import build_app
    from backend.core.live import Listener

    async with _house(settings, "web"), contextlib.AsyncExitStack() as stack:
        routes = await _routes(settings, stack, demo=demo)
        listener = Listener(settings.redis.url.value)
        app = build_app(settings, routes=routes, listener=listener, demo=demo, lifespan=_lives(demo=demo))
        config = uvicorn.Config(
            app,
            host=settings.http.host,
            port=settings.http.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        _settle()
        serving = asyncio.create_task(_serve(server), name="uvicorn")
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await listener.stop()  # open streams end by themselves; else they would be cut, each with a traceback
        server.should_exit = True
        await serving
        await _end(stopping)


async def _serve(server: Any) -> None:
    """Serve without uvicorn's own signal handling: the process's is enough."""
    with contextlib.suppress(asyncio.CancelledError):
        await server._serve()  # noqa: SLF001 - `serve()` takes the signals over and raises them again at its end


async def _routes(settings: Settings, stack: contextlib.AsyncExitStack, *, demo: bool) -> list[Any]:
    """Every edge's routes, in one visible list."""
    from backend.console.routes import ROUTES as CONSOLE
    from miniprogram_api.routes import ROUTES as MINIPROGRAM
    from workers.channels.twilio.web import twilio_routes
    from workers.channels.web import carrier_routes

    routes: list[Any] = [*CONSOLE, *MINIPROGRAM, *carrier_routes(settings), *twilio_routes(settings)]
    if settings.telegram.token and settings.telegram.webhook_secret:
        from bots.telegram.app import build_hearing
        from bots.telegram.webhook import webhook_lifespan, webhook_route

        bot, hearing = build_hearing(settings.telegram)
        await stack.enter_async_context(webhook_lifespan(bot, hearing))
        routes.append(webhook_route(settings.telegram.webhook_secret, hearing))
    if demo:
        from backend.demo.street import ROUTES as STREET

        routes += STREET
    return routes


def _lives(*, demo: bool) -> "list[Callable[[Litestar], AbstractAsyncContextManager[None]]]":
    """What lives as long as the web application."""
    if not demo:
        return []
    from backend.demo.street import living

    return [living]


async def bot(settings: Settings, stop: asyncio.Event) -> None:
    """The Telegram bot: long polling, or the webhook's after-care. Without a token it waits: there is nothing to do."""
    if not settings.telegram.token:
        log.info("no Telegram token is set: the bot rests")
        await stop.wait()
        return
    from bots.telegram.app import run_bot

    async with _house(settings, "bot"):
        await _first_of(asyncio.create_task(run_bot(settings), name="bot"), stop)


async def auditor(settings: Settings, stop: asyncio.Event) -> None:
    """The auditor, in a process of its own: it must not depend on what it audits."""
    from backend.alarms.untold import UNTOLD
    from backend.delivery.audit_checks import CHECKS
    from backend.delivery.auditor import Auditor
    from backend.delivery.heartbeat import Heartbeat
    from backend.monitoring.late_links import LATE_LINKS

    async with _house(settings, "auditor"):
        one = Auditor((UNTOLD, *CHECKS, LATE_LINKS))
        heartbeat = Heartbeat(settings.heartbeat, lambda: one.age_s)
        beating_out = asyncio.create_task(heartbeat.run(), name="heartbeat")
        _settle()
        try:
            await _first_of(asyncio.create_task(one.run(), name="auditor"), stop)
        finally:
            await _end(beating_out)


async def demo_carriers(settings: Settings, stop: asyncio.Event) -> None:
    """The demonstration's carriers: servers on loopback that speak the vendors' wire formats."""
    from backend.demo.start import run_carriers

    await _first_of(asyncio.create_task(run_carriers(settings), name="carriers"), stop)


async def demo_devices(settings: Settings, stop: asyncio.Event) -> None:
    """The demonstration's devices: the sample unit's UITDs, speaking the real protocol to the gateway."""
    from backend.demo.devices import Uitd, run_devices
    from protocol_gateway.simulator import SimulatedUitd

    def make_uitd(address: str, _profile: str) -> Uitd:
        return SimulatedUitd(address, ("127.0.0.1", settings.gateway.port))

    await _first_of(asyncio.create_task(run_devices(settings, make_uitd), name="devices"), stop)
