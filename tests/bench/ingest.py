"""(b) Durable ingest: frames a second through the real gateway, and how long a confirm takes.

Floors of the same run: the bare multi-row insert into the ledger, and group commit without monitoring.
"""

import asyncio
import time
from datetime import UTC, datetime

from backend.core.batching import Batcher
from backend.core.db.engine import transaction
from backend.core.ids import LedgerId, new_id
from backend.ledger.model import Entry
from backend.ledger.service import append
from tests.bench.figures import Table, count, latency_of, load_average, milliseconds, verdict
from tests.bench.frames import device_addresses, normal_templates
from tests.bench.load import Outcome, Plan
from tests.bench.stage import Stage, cpu_seconds, generate, register

TARGET_RATE, TARGET_P99_MS = 10_000, 50
_BATCH = 500
_SENDERS = 400
_CONNECTIONS = 100
_WINDOW = 4


async def run(stage: Stage, *, is_quick: bool) -> list[Table]:
    seconds = 4.0 if is_quick else 12.0
    await stage.new_database()
    table = Table(
        title="(b) Durable ingest",
        columns=("what", "frames/s", "p50", "p99", "p99.9", "max", "gateway CPU", "PostgreSQL CPU", "generator CPU"),
    )
    async with stage.pool():
        await register(device_addresses(_CONNECTIONS))
        bare = await _bare_insert(seconds / 3)
        table.add(f"floor: insert of {_BATCH} ledger rows a commit", count(bare), *[""] * 7)
        grouped, latency = await _group_commit(seconds / 3)
        table.add(f"floor: group commit of {_SENDERS} senders, ledger alone", count(grouped), *latency, *[""] * 3)
    gateway, port = stage.gateway()
    runs = {
        "quiet states, as fast as confirmed": _plan(port, "normal", seconds, window=_WINDOW),
        f"quiet states, {TARGET_RATE} a second": _plan(port, "normal", seconds, rate=TARGET_RATE),
        f"quiet states, {TARGET_RATE // 2} a second": _plan(port, "normal", seconds / 2, rate=TARGET_RATE // 2),
        "fires, each a new alarm, as fast as confirmed": _plan(port, "fire", seconds / 2, window=_WINDOW),
    }
    outcomes = {}
    for name, plan in runs.items():
        outcomes[name] = await _measured(table, name, plan, stage, gateway.pid)
    stage.end(gateway)
    fastest, paced = list(outcomes.values())[:2]
    is_met = paced.rate >= TARGET_RATE * 0.99 and paced.latency.p99 <= TARGET_P99_MS
    table.notes += [
        verdict(f"≥ {TARGET_RATE} frames/s with p99 ≤ {TARGET_P99_MS} ms", is_met=is_met),
        f"{fastest.rate / bare:.2f} of the bare insert, {fastest.rate / grouped:.2f} of group commit alone",
        f"the generator fell behind its schedule by at most {milliseconds(paced.late_ms)}",
        f"load average {load_average()}",
    ]
    return [table]


def _plan(port: int, kind: str, seconds: float, *, window: int = 0, rate: float = 0) -> Plan:
    addresses = device_addresses(_CONNECTIONS)
    return Plan(port=port, addresses=addresses, kind=kind, seconds=seconds, warm_up=1.5, window=window, rate=rate)


async def _measured(table: Table, name: str, plan: Plan, stage: Stage, gateway: int) -> Outcome:
    pids = gateway, stage.postgres_pid
    before, began = [cpu_seconds(pid) for pid in pids], time.monotonic()
    outcome = await generate(plan)
    seconds = min(time.monotonic() - began, outcome.seconds)
    shares = [(cpu_seconds(pid) - was) / seconds for pid, was in zip(pids, before, strict=True)]
    shares.append(outcome.cpu_seconds / seconds)
    table.add(name, count(outcome.rate), *outcome.latency.cells(), *(f"{share:.0%}" for share in shares))
    if outcome.confirmed != outcome.sent:
        table.notes.append(f"{name}: {outcome.sent - outcome.confirmed} of {outcome.sent} frames never confirmed")
    return outcome


_ADDRESS = device_addresses(1)[0]
_TEMPLATES = normal_templates(_ADDRESS)


def _entries(many: int) -> list[Entry]:
    now = datetime.now(UTC)
    return [
        Entry(
            id=LedgerId(new_id()),
            kind="frame_in",
            received_at=now,
            octets=_TEMPLATES[number % len(_TEMPLATES)].numbered(number),
            address=_ADDRESS,
            peer="127.0.0.1:50000",
            gateway="gateway-1",
        )
        for number in range(many)
    ]


async def _bare_insert(seconds: float) -> float:
    rows, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        async with transaction():
            await append(_entries(_BATCH))
        rows += _BATCH
    return rows / (time.monotonic() - began)


async def _group_commit(seconds: float) -> tuple[float, tuple[str, ...]]:
    async def flush(entries: object) -> list[None]:
        async with transaction():
            await append(entries)  # type: ignore[arg-type]
        return [None] * len(entries)  # type: ignore[arg-type]

    batcher: Batcher[Entry, None] = Batcher(flush, most=_BATCH, name="bench")
    await batcher.start()
    latencies: list[float] = []
    began = time.monotonic()

    async def sender() -> None:
        while (now := time.monotonic()) - began < seconds:
            await batcher.post(_entries(1)[0])
            latencies.append(time.monotonic() - now)

    await asyncio.gather(*(sender() for _ in range(_SENDERS)))
    spent = time.monotonic() - began
    await batcher.stop()
    return len(latencies) / spent, latency_of(latencies).cells()
