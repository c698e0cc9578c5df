"""What `fenghuo up --demo` adds: the sample unit, its people's chats, carriers on loopback, devices.

The demonstration runs the real code path: only the far ends, the vendors' servers and the devices, are ours.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from backend.core import clock
from backend.core.db.engine import close_database, fetch, open_database
from backend.core.i18n import N_
from backend.core.ids import PersonId
from backend.core.settings import Settings
from backend.core.supervisor import ChildSpec, Supervisor, own_command
from backend.core.vocabulary import Channel
from backend.demo import telephones
from backend.demo.carriers import telephony
from backend.demo.carriers.telegram import BotApiServer, Person, serve
from backend.people.queries import person_by_code
from backend.people.service import link_chat, new_code
from backend.registry.importing import import_path
from backend.rota.model import Rotation
from backend.rota.service import add_schedule

_LOOPBACK: Final = "127.0.0.1"
_BOT_USERNAME: Final = "fenghuo_bot"
#: of the sample (`sample/people.csv`, `units.csv`)
_MANAGER: Final = "wang"
_GUARD: Final = "li"
_TIMEZONE: Final = "Asia/Shanghai"
_CHATS: Final = """
    select p.id, p.name, c.address from contact_points c join people p on p.id = c.person
    where c.channel = 'telegram' and p.is_active order by c.address"""
_UNLINKED: Final = """
    select p.id, c.address from contact_points c join people p on p.id = c.person
    where c.channel = 'telegram' and p.is_active and not exists (
        select from chat_identities i where i.person = p.id and i.channel = 'telegram' and i.unlinked_at is null)
    order by c.address"""


async def prepare_demo(supervisor: Supervisor, data: Path, environment: dict[str, str]) -> dict[str, str]:
    """Load the sample unit (a second time changes nothing) and start the carriers; answers what children must know."""
    await open_database(environment["FENGHUO_DATABASE_URL"], pool=2)
    try:
        with resources.as_file(resources.files("backend.demo").joinpath("sample")) as folder:
            await import_path(folder)
        await _link_chats()
        await _plan_duty()
    finally:
        await close_database()
    telegram = {
        "FENGHUO_TELEGRAM_TOKEN": _kept(data / "demo-telegram.token", _new_token),
        "FENGHUO_TELEGRAM_API_BASE": f"http://{_LOOPBACK}:{_free_port()}",
        "FENGHUO_TELEGRAM_BOT_USERNAME": _BOT_USERNAME,
    }
    exchange = f"http://{_LOOPBACK}:{_free_port()}"
    vendors = telephones.environment(exchange, _kept(data / "demo-telephones.secret", telephones.new_secret))
    await supervisor.start(
        ChildSpec(
            name="carriers",
            command=own_command("demo", "carriers"),
            environment={**environment, **telegram, **vendors},
            ready=lambda: _all_answer(telegram["FENGHUO_TELEGRAM_API_BASE"], exchange),
        )
    )
    return telegram | vendors


async def start_devices(supervisor: Supervisor, environment: dict[str, str]) -> None:
    """Start the sample unit's devices, once the gateway listens."""
    await supervisor.start(ChildSpec(name="devices", command=own_command("demo", "devices"), environment=environment))


async def run_carriers(settings: Settings) -> None:
    """Serve the Bot API and the telephones on loopback until cancelled. They keep nothing: chats are opened anew."""
    address = urlsplit(settings.telegram.api_base)
    await open_database(settings.database.url.value, pool=1)
    try:
        people = await fetch(_CHATS)
    finally:
        await close_database()
    server = BotApiServer(settings.telegram.token.value, requests_kept=10_000)
    for person in people:
        server.act.open_chat(Person(id=int(person["address"]), first_name=person["name"]))
    exchange = telephones.build_exchange(settings)
    port = urlsplit(settings.aliyun.sms_base).port or 0
    async with (
        serve(server, host=address.hostname or _LOOPBACK, port=address.port or 0),
        telephony.serve(exchange, port),
    ):
        await exchange.let_ring_out()


async def _link_chats() -> None:
    """Link the sample people's chats the way people do: by a one-time code."""
    for row in await fetch(_UNLINKED):
        code = await new_code(PersonId(row["id"]), "telegram")
        await link_chat(code, Channel.TELEGRAM, row["address"], row["address"])


async def _plan_duty() -> None:
    """The sample unit's duty schedule: its guard and its manager take turns of a day, at eight in the morning."""
    if await fetch("select 1 from schedules limit 1"):
        return
    manager, guard = await person_by_code(_MANAGER), await person_by_code(_GUARD)
    (unit,) = sorted(manager.units)
    first = clock.in_zone(clock.now(), _TIMEZONE).replace(hour=8, minute=0, second=0, microsecond=0, tzinfo=None)
    rotation = Rotation(people=(guard.id, manager.id), first=first - timedelta(days=1))
    await add_schedule(manager, unit, N_("单位值班"), [rotation])


def _new_token() -> str:
    return f"{secrets.randbelow(10**9) + 10**9}:{secrets.token_hex(18)}"


def _kept(path: Path, make: Callable[[], str]) -> str:
    """The demonstration's own secret, made once for each data directory."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(make())
    return path.read_text().strip()


def _free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind((_LOOPBACK, 0))
        port: int = one.getsockname()[1]
        return port


async def _all_answer(*bases: str) -> bool:
    return all([await _answers(base) for base in bases])


async def _answers(base: str) -> bool:
    address = urlsplit(base)
    try:
        _, writer = await asyncio.open_connection(address.hostname, address.port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
