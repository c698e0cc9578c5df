"""(c) The way of an alarm: a fire's octets written by the device → the carrier has received the request.

Real processes: gateway, two fire workers, PostgreSQL, Valkey, the Bot API on loopback. CLOCK_MONOTONIC is one
for all processes of a machine. Floor of the same run: the bare request to the same carrier.
"""

import asyncio
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import msgspec

from backend.core.db.engine import fetch_one
from tests.bench.carrier import TOKEN
from tests.bench.figures import Latency, Table, count, latency_of, load_average, verdict
from tests.bench.frames import TAG_MARK, device_addresses
from tests.bench.load import Outcome, Plan
from tests.bench.stage import CHAT, Stage, cpu_seconds, free_port, generate, register, wait_for_port

_DEVICES = 20
_USUAL = 167
_P50_MS, _P99_MS, _KILLED_P999_MS = 10, 50, 1000
_PATIENCE_S = 240.0
_FIRST_FLOOR_TAG = 90_000_000
# no routine worker stands here: a device that was quiet between two parts leaves a notice that nobody carries
_WAITING = """
    select count(*) as n from attempts
    where channel = 'telegram' and lane = 'fire' and state in ('pending', 'sending')"""


class Part(msgspec.Struct, kw_only=True):
    """One rate of alarms, with or without a killed worker."""

    name: str
    rate: int
    seconds: float
    first_tag: int
    is_killing: bool = False
    outcome: Outcome | None = None
    waited: float = 0.0
    costs: tuple[float, ...] = ()  #: CPU milliseconds an alarm, in the order of `Cast.pids`

    def times(self, stage: Stage) -> Path:
        return stage.home / f"fires-{self.first_tag}.json"


class Cast:
    """The processes of the way, and how a killed worker is replaced."""

    def __init__(self, stage: Stage, carrier: subprocess.Popen[bytes], carrier_port: int, **settings: str) -> None:
        self.stage = stage
        self.carrier = carrier
        self.bot = {
            # this measures our own way; the carrier's limits would be all that is seen
            "FENGHUO_BUDGETS_TELEGRAM_PER_CHAT_PER_SECOND": "0",
            "FENGHUO_BUDGETS_TELEGRAM_PER_CHAT_PER_MINUTE": "0",
            "FENGHUO_BUDGETS_TELEGRAM_PER_SECOND": "2000",
            "FENGHUO_TELEGRAM_TOKEN": TOKEN,
            "FENGHUO_TELEGRAM_API_BASE": f"http://127.0.0.1:{carrier_port}",
        }
        self.gateway, self.port = stage.gateway(**settings)
        self._starts = 0
        self.workers = [self._worker() for _ in range(2)]

    def _worker(self) -> subprocess.Popen[bytes]:
        self._starts += 1
        ready = str(self._ready_file(self._starts))
        return self.stage.spawn("-m", "backend.cli", "worker", "fire", "--ready-file", ready, **self.bot)

    def _ready_file(self, start: int) -> Path:
        return self.stage.home / f"fire-{start}.ready"

    async def until_ready(self) -> None:
        """Wait until both workers can work: their imports must not count."""
        end = time.monotonic() + _PATIENCE_S
        while not all(self._ready_file(start + 1).exists() for start in range(self._starts)):
            assert time.monotonic() < end, "a worker did not start"
            await asyncio.sleep(0.05)

    def kill_a_worker(self) -> None:
        """As the supervisor finds it: dead, and started anew."""
        self.workers[0].send_signal(signal.SIGKILL)
        self.stage.end(self.workers[0])
        self.workers[0] = self._worker()

    def cpu(self) -> list[float]:
        """CPU seconds so far: gateway, both workers, PostgreSQL, carrier."""
        workers = sum(cpu_seconds(each.pid) for each in self.workers)
        return [
            cpu_seconds(self.gateway.pid),
            workers,
            cpu_seconds(self.stage.postgres_pid),
            cpu_seconds(self.carrier.pid),
        ]

    def end(self) -> None:
        self.stage.end(self.gateway, *self.workers, self.carrier)


async def run(stage: Stage, *, is_quick: bool) -> list[Table]:
    await stage.new_database()
    received_at = stage.home / "carrier.json"
    carrier_port = free_port()
    carrier = stage.spawn("-m", "tests.bench.carrier", str(carrier_port), str(received_at))
    wait_for_port(carrier_port, carrier)
    parts = _parts(is_quick=is_quick)
    async with stage.pool():
        await register(device_addresses(_DEVICES))
        cast = Cast(stage, carrier, carrier_port)
        await cast.until_ready()
        await _carry_out(Part(name="warm-up", rate=40, seconds=2, first_tag=1), cast)
        sent = await _floor(carrier_port, 2.0 if is_quick else 6.0)
        for part in parts:
            await _carry_out(part, cast)
    cast.end()
    received = msgspec.json.decode(received_at.read_bytes(), type=list[tuple[int, float]])
    return [_table(parts, stage, dict(sent), received)]


def _parts(*, is_quick: bool) -> list[Part]:
    usual = 5 if is_quick else 20
    return [
        Part(name="10 alarms/s", rate=10, seconds=usual, first_tag=1_000_000),
        Part(name=f"{_USUAL} alarms/s", rate=_USUAL, seconds=usual, first_tag=2_000_000),
        Part(
            name=f"{_USUAL} alarms/s, a fire worker killed -9",
            rate=_USUAL,
            seconds=usual,
            first_tag=3_000_000,
            is_killing=True,
        ),
        Part(name="1000 alarms/s", rate=1000, seconds=2 if is_quick else 6, first_tag=4_000_000),
    ]


async def _carry_out(part: Part, cast: Cast) -> None:
    plan = Plan(
        port=cast.port,
        addresses=device_addresses(_DEVICES),
        kind="fire",
        seconds=part.seconds,
        rate=part.rate,
        first_tag=part.first_tag,
        times_to=str(part.times(cast.stage)),
    )
    before = cast.cpu()
    sending = asyncio.create_task(generate(plan))
    if part.is_killing:
        await asyncio.sleep(part.seconds / 2)
        cast.kill_a_worker()
    part.outcome = await sending
    await cast.until_ready()
    part.waited = await _until_carried()
    part.costs = tuple(1000 * (now - was) / part.outcome.sent for now, was in zip(cast.cpu(), before, strict=True))


async def _until_carried() -> float:
    """Wait until no attempt is left; seconds that took."""
    began = time.monotonic()
    while time.monotonic() - began < _PATIENCE_S:
        row = await fetch_one(_WAITING)
        if row is not None and not row["n"]:
            break
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def _floor(port: int, seconds: float) -> list[tuple[int, float]]:
    """Bare requests as a worker would send them, over one kept connection, at the usual rate."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent, tag, began = [], _FIRST_FLOOR_TAG, time.monotonic()
    while (now := time.monotonic()) - began < seconds:
        text = f"🔥 火警 · 报警中\n示范大厦 {TAG_MARK}{tag:08}\n" + "点型感烟火灾探测器 " * 4
        body = msgspec.json.encode({"chat_id": CHAT, "text": text})
        head = (
            f"POST /bot{TOKEN}/sendMessage HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        sent.append((tag, now))
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.split(b":")[1]))
        tag += 1
        await asyncio.sleep(max(0.0, now + 1 / _USUAL - time.monotonic()))
    writer.close()
    await writer.wait_closed()
    return sent


def _table(parts: list[Part], stage: Stage, floor: dict[int, float], received: list[tuple[int, float]]) -> Table:
    table = Table(
        title="(c) A fire's octets in → the provider's server has the request",
        columns=("what", "alarms", "p50", "p99", "p99.9", "max", "missing", "twice", "confirm p99", "CPU ms an alarm"),
    )
    first: dict[int, float] = {}
    for tag, at in received:
        first[tag] = min(at, first.get(tag, at))
    times = Counter(tag for tag, _ in received)
    least = _latency(floor, first)
    table.add("floor: bare request to the same carrier", count(least.count), *least.cells(), *[""] * 4)
    found = {}
    for part in parts:
        sent = dict(msgspec.json.decode(part.times(stage).read_bytes(), type=list[tuple[int, float]]))
        found[part.name] = latency = _latency(sent, first)
        twice = sum(times[tag] > 1 for tag in sent)
        missing = len(sent) - latency.count
        assert part.outcome is not None
        confirm = f"{part.outcome.latency.p99:.1f} ms"
        costs = "-" if part.is_killing else " + ".join(f"{each:.1f}" for each in part.costs)
        table.add(part.name, count(len(sent)), *latency.cells(), missing, twice, confirm, costs)
    usual, killed = found[parts[1].name], found[parts[2].name]
    table.notes += [
        verdict(
            f"p50 ≤ {_P50_MS} ms and p99 ≤ {_P99_MS} ms at {_USUAL}/s",
            is_met=usual.p50 <= _P50_MS and usual.p99 <= _P99_MS,
        ),
        verdict(f"p99.9 ≤ {_KILLED_P999_MS} ms with a worker killed", is_met=killed.p999 <= _KILLED_P999_MS),
        "CPU: gateway + both workers + PostgreSQL + carrier",
        f"after the last confirm at 1000/s all was carried within {parts[3].waited:.1f} s",
        f"load average {load_average()}",
    ]
    return table


def _latency(sent: dict[int, float], received: dict[int, float]) -> Latency:
    return latency_of([received[tag] - at for tag, at in sent.items() if tag in received])
