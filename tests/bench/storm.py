"""(e) A storm: 10 000 faults in a minute from 500 devices, and one fire in the middle.

Real processes: gateway, two fire workers, a routine worker, the web process, PostgreSQL, Valkey, the Bot API on
loopback. Figures: the fire's way to both kinds of contact, what people were told, how long the pages take while it
rages and with all of it open, and what it costs in memory.
"""

import asyncio
import subprocess
import time
from collections.abc import Sequence
from typing import Any

import httpx

from backend.core import clock
from backend.core.db.engine import execute, execute_many, fetch
from backend.core.ids import PersonId, new_id
from backend.people.model import SessionKind
from backend.people.service import open_session
from tests.bench.alarm_way import Cast
from tests.bench.figures import Latency, Table, count, latency_of, load_average, milliseconds, verdict
from tests.bench.frames import device_addresses
from tests.bench.load import Plan
from tests.bench.stage import Stage, free_port, generate, register, resident_octets, wait_for_port

_DEVICES, _ALARMS = 500, 10_000
_FIRE_S, _PAGE_MS = 3.0, 200
_AFTER_S = 5.0
_MIB = 1024 * 1024
_LOOK_EVERY_S = 0.5
_FIRE = """
    select t.channel, extract(epoch from t.t5 - n.t1)::float8 as seconds, t.is_held
    from attempts t join notices n on n.id = t.notice
    where n.severity = 'fire' and n.kind = 'raised' order by t.channel"""
_TOLD = """
    select count(distinct n.id) filter (where t.state <> 'skipped') as told, count(distinct n.id) as notices
    from attempts t join notices n on n.id = t.notice where n.kind = 'raised' and n.severity = 'fault'"""
_ON = {"FENGHUO_STORMS_IS_ON": "true"}


async def run(stage: Stage, *, is_quick: bool) -> list[Table]:
    seconds = 15.0 if is_quick else 60.0
    await stage.new_database()
    port = free_port()
    carrier = stage.spawn("-m", "tests.bench.carrier", str(port), str(stage.home / "storm.json"))
    wait_for_port(port, carrier)
    addresses = device_addresses(_DEVICES + 1)
    async with stage.pool():
        await register(addresses)
        pages = await _readers()
        cast = StormCast(stage, carrier, port)
        await cast.until_ready()
        during, after, memory = await _rage(cast, addresses, pages, seconds)
        table = await _table(seconds, during, after, memory)
    cast.end()
    return [table]


class StormCast(Cast):
    """The alarm's way, with the routine lane and the pages beside it."""

    def __init__(self, stage: Stage, carrier: subprocess.Popen[bytes], carrier_port: int) -> None:
        super().__init__(stage, carrier, carrier_port, **_ON)
        self.http_port = free_port()
        web = {"FENGHUO_HTTP_PORT": str(self.http_port), "FENGHUO_HTTP_REQUESTS_PER_MINUTE": "100000"}
        self.routine = stage.spawn("-m", "backend.cli", "worker", "routine", **self.bot, **_ON)
        self.web = stage.spawn("-m", "backend.cli", "web", **web)
        wait_for_port(self.http_port, self.web)

    def memory(self) -> dict[str, int]:
        """MiB of each process."""
        processes = {"gateway": self.gateway, "routine worker": self.routine, "web": self.web}
        return {name: resident_octets(child.pid) // _MIB for name, child in processes.items()}

    def end(self) -> None:
        self.stage.end(self.routine, self.web)
        super().end()


async def _readers() -> dict[str, str]:
    """Pages and the cookie of who reads them: the duty desk of all units, and the unit's manager on a phone."""
    desk, now = new_id(), clock.now()
    await execute(
        """insert into people (id, code, name, phone, language, is_active, created_at)
           values ($1, 'desk', '值班员', '', 'zh_CN', true, $2)""",
        desk,
        now,
    )
    await execute_many(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, 'provider_operator', null, $3)",
        [(new_id(), desk, now)],
    )
    (manager,) = await fetch("select id from people where code = 'wang'")
    return {
        "/": f"fenghuo_console={await open_session(PersonId(desk), SessionKind.CONSOLE, 'bench')}",
        "/m": f"fenghuo_phone={await open_session(PersonId(manager['id']), SessionKind.PHONE, 'bench')}",
    }


async def _rage(
    cast: StormCast, addresses: list[str], pages: dict[str, str], seconds: float
) -> tuple[dict[str, list[float]], dict[str, list[float]], dict[str, tuple[int, int]]]:
    rate = _ALARMS / 60
    faults = Plan(port=cast.port, addresses=addresses[:-1], kind="fault", seconds=seconds, rate=rate)
    fire = Plan(port=cast.port, addresses=addresses[-1:], kind="fire", seconds=0.5, rate=2, first_tag=90_000_000)
    before = cast.memory()
    storm = asyncio.create_task(generate(faults))
    looking = asyncio.create_task(_look(cast.http_port, pages, seconds))
    await asyncio.sleep(seconds / 2)
    await generate(fire)
    await storm
    during = await looking
    after = await _look(cast.http_port, pages, _AFTER_S)
    return during, after, {name: (before[name], now) for name, now in cast.memory().items()}


async def _look(port: int, pages: dict[str, str], seconds: float) -> dict[str, list[float]]:
    """How long each page takes, asked for as often as a page asks for itself."""
    times: dict[str, list[float]] = {path: [] for path in pages}
    end = time.monotonic() + seconds
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        while time.monotonic() < end:
            for path, cookie in pages.items():
                began = time.monotonic()
                answer = await client.get(path, headers={"Cookie": cookie})
                answer.raise_for_status()
                times[path].append(time.monotonic() - began)
            await asyncio.sleep(_LOOK_EVERY_S)
    return times


async def _table(
    seconds: float,
    during: dict[str, list[float]],
    after: dict[str, list[float]],
    memory: dict[str, tuple[int, int]],
) -> Table:
    table = Table(
        title=f"(e) {_ALARMS * seconds / 60:.0f} faults in {seconds:.0f} s from {_DEVICES} devices, one fire in it",
        columns=("what", "n", "p50", "p99", "p99.9", "max"),
    )
    fire = await fetch(_FIRE)
    for row in fire:
        reached = "-" if row["seconds"] is None else milliseconds(row["seconds"] * 1000)
        table.add(f"the fire, {row['channel']}: frame → provider", 1, reached, "", "", "")
    pages: dict[str, Latency] = {}
    for name, times in (("during the storm", during), ("with all of it open", after)):
        for path, each in times.items():
            pages[f"{path} {name}"] = latency = latency_of(each)
            table.add(f"page {path} {name}", latency.count, *latency.cells())
    (told,) = await fetch(_TOLD)
    (open_,) = await fetch("select count(*) as n from alarms where closed_at is null")
    table.notes += [
        f"{count(open_['n'])} alarms open; of {count(told['notices'])} faults {told['told']} were told by themselves",
        "memory before → after, MiB: " + ", ".join(f"{name} {was} → {now}" for name, (was, now) in memory.items()),
        verdict(f"the fire on two kinds within {_FIRE_S:.0f} s", is_met=_is_in_time(fire)),
        verdict(f"pages p50 < {_PAGE_MS} ms", is_met=all(each.p50 < _PAGE_MS for each in pages.values())),
        f"load average {load_average()}",
    ]
    return table


def _is_in_time(fire: Sequence[dict[str, Any]]) -> bool:
    reached = {row["channel"] for row in fire if row["seconds"] is not None and row["seconds"] <= _FIRE_S}
    return len(reached) > 1
