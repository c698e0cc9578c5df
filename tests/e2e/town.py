"""The sample unit with its web process, and a real browser to look at it.

Set SHOTS_OF_FENGHUO to a folder to keep the screenshots.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvicorn
from litestar import Litestar
from playwright.async_api import Locator, Page, async_playwright, expect

from backend.api import build_app
from backend.console.routes import ROUTES as PAGES
from backend.core import clock
from backend.core.announce import announcing
from backend.core.db.engine import fetch
from backend.core.ids import LedgerId, new_id
from backend.core.live import Listener
from backend.core.settings import Database, RedisSection, Secret, Settings, Telegram
from backend.core.vocabulary import Channel
from backend.delivery.carry import Carrier
from backend.demo.carriers.telegram import BotApiServer, serve
from backend.demo.street import ROUTES as STREET
from backend.demo.street import living
from backend.intake import Incoming, Intake
from backend.ledger.model import Entry
from backend.monitoring.model import Level, Report, StateSaid, Subject
from backend.registry.directory import Directory
from backend.registry.importing import import_path
from miniprogram_api.channel import AppChannel
from miniprogram_api.routes import ROUTES as PHONE_API
from tests.patience import PATIENCE_S

SAMPLE = Path(__file__).parents[2] / "backend" / "demo" / "sample"
SHOTS = Path(os.environ.get("SHOTS_OF_FENGHUO", "") or tempfile.mkdtemp(prefix="fh-shots-"))
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
TOKEN = "123456:" + "A" * 35

expect.set_options(timeout=PATIENCE_S * 1000)


class _Server(uvicorn.Server):
    @property
    def address(self) -> str:
        port = self.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"


@asynccontextmanager
async def served(app: Litestar) -> AsyncIterator[str]:
    server = _Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server.address
    finally:
        server.should_exit = True
        await task


class Town:
    """The sample unit with a web process, a Telegram carrier, and a worker that carries app cards."""

    def __init__(self, address: str, redis_url: str, telegram: str) -> None:
        self.address = address
        self.telegram = telegram
        self.redis_url = redis_url
        self.carrier = Carrier("test", {Channel.APP: AppChannel(redis_url)}, timeout_s=5, concurrency=4)

    async def fire(self, component: str = "65000000", address: str = "790300000000", state: int = 0b11) -> None:
        directory = Directory()
        await directory.start()

        async def nobody(_: object) -> None:
            return None

        now, ledger_id = clock.now(), LedgerId(new_id())
        subject = Subject(
            level=Level.COMPONENT,
            system_type=1,
            system_address=1,
            component_type=42,
            component_address=component,
        )
        report = Report(
            address=address,
            ledger_id=ledger_id,
            received_at=now,
            first_octet_at=now,
            statements=(StateSaid(subject=subject, state=state),),
            fingerprint=ledger_id.bytes,
            sent_at=now,
            peer="10.0.0.1:5001",
        )
        async with Intake(directory, nobody) as intake:
            entry = Entry(id=ledger_id, kind="frame_in", received_at=now, octets=b"@@##", address=address)
            await intake.take(Incoming(entry=entry, report=report))
        await self.carry()

    async def carry(self) -> None:
        """What a worker does with a ring: send, and draw again."""
        due = await fetch("select id from attempts where channel = 'app' and state = 'pending'")
        await self.carrier.carry([row["id"] for row in due])
        redraws = await fetch("select id from attempts where channel = 'app' and redraw_at is not null")
        await self.carrier.redraw([row["id"] for row in redraws])


@pytest.fixture
async def town(database: str, redis_url: str) -> AsyncIterator[Town]:
    assert database
    await import_path(SAMPLE)
    async with serve(BotApiServer(TOKEN)) as carrier, announcing(redis_url):
        settings = Settings(
            database=Database(url=Secret("unused")),
            redis=RedisSection(url=Secret(redis_url)),
            telegram=Telegram(token=Secret(TOKEN), api_base=carrier),
        )
        app = build_app(
            settings, routes=[*PAGES, *PHONE_API, *STREET], listener=Listener(redis_url), demo=True, lifespan=[living]
        )
        async with served(app) as address:
            town = Town(address, redis_url, carrier)
            for channel in town.carrier._channels.values():
                await channel.open()
            await town.carrier.start()
            yield town
            await town.carrier.stop()
            for channel in town.carrier._channels.values():
                await channel.close()


@pytest.fixture
async def browser() -> AsyncIterator[SimpleNamespace]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        pages: list[Page] = []
        complaints: list[str] = []

        async def page(path: str, **options: object) -> Page:
            context = await chromium.new_context(**{"viewport": PHONE, "locale": "zh-CN", **options})
            page = await context.new_page()
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(path)
            pages.append(page)
            return page

        yield SimpleNamespace(page=page, complaints=complaints)
        for each in pages:
            await each.context.close()
        await chromium.close()


async def scroll_to(place: Locator) -> None:
    """Bring it into view; a live page may draw it anew in that moment."""
    await place.evaluate("node => node.scrollIntoView()")


async def assert_it_fits(page: Page, name: str) -> None:
    """Nothing wider than the screen, no text under 18 px, and a picture for those who look."""
    await page.screenshot(path=SHOTS / f"{name}.png", full_page=False)
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} overflows by {wide} px"
    small = await page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter((node) =>
             [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())
             && node.getClientRects().length && parseFloat(getComputedStyle(node).fontSize) < 18)
           .map((node) => node.outerHTML.slice(0, 80))"""
    )
    assert small == []
