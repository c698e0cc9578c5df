"""(d) Ten thousand idle devices with a heartbeat each 30 s: what a connection costs in memory, and all of them in CPU.

Floor of the same run: a bare asyncio server with the same connections and heartbeats.
"""

import asyncio
import resource
import subprocess
import sys
import time

import msgspec

from tests.bench.figures import Table, count, load_average
from tests.bench.frames import device_addresses
from tests.bench.idle_load import IdleOutcome, IdlePlan
from tests.bench.stage import ROOT, Stage, cpu_seconds, free_port, register, resident_octets, wait_for_port

_EVERY_S = 30.0
_SETTLE_S = 3.0


class Cost(msgspec.Struct, kw_only=True):
    """What a server's process cost while the devices were idle."""

    before: int
    after: int
    cpu: float
    postgres_cpu: float
    outcome: IdleOutcome


async def run(stage: Stage, *, is_quick: bool) -> list[Table]:
    _raise_file_limit()
    devices, seconds = (2_000, 8.0) if is_quick else (10_000, 32.0)
    await stage.new_database()
    async with stage.pool():
        await register(device_addresses(devices))
    table = Table(
        title=f"(d) {count(devices)} idle devices, a heartbeat each {_EVERY_S:.0f} s",
        columns=("what", "resident before", "with all", "a connection", "CPU", "PostgreSQL CPU"),
    )
    port = free_port()
    echo = stage.spawn("-m", "tests.bench.echo", str(port))
    wait_for_port(port, echo)
    floor = await _cost(
        stage, echo.pid, IdlePlan(port=port, devices=devices, every=_EVERY_S, is_gateway=False), seconds
    )
    stage.end(echo)
    gateway, port = stage.gateway()
    plan = IdlePlan(port=port, devices=devices, every=_EVERY_S, is_gateway=True)
    cost = await _cost(stage, gateway.pid, plan, seconds)
    stage.end(gateway)
    _add(table, "floor: bare asyncio server (uvloop)", floor, devices)
    _add(table, "gateway", cost, devices)
    table.notes += [
        f"in {seconds:.0f} s: {cost.outcome.beats} heartbeats, {cost.outcome.asked} requests of the gateway answered",
        f"{cost.outcome.still_open} connections open at the end",
        f"load average {load_average()}",
    ]
    return [table]


def _raise_file_limit() -> None:
    """Soft to hard, for the children to inherit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _cost(stage: Stage, pid: int, plan: IdlePlan, seconds: float) -> Cost:
    before = resident_octets(pid)
    fleet = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.idle_load", stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert fleet.stdin is not None
    assert fleet.stdout is not None
    fleet.stdin.write(msgspec.json.encode(plan) + b"\n")
    assert await fleet.stdout.readline() == b"open\n"
    await asyncio.sleep(_SETTLE_S)
    fleet.stdin.write(b"\n")
    began, cpu, postgres = time.monotonic(), cpu_seconds(pid), cpu_seconds(stage.postgres_pid)
    await asyncio.sleep(seconds)
    spent = time.monotonic() - began
    cpu, postgres = (cpu_seconds(pid) - cpu) / spent, (cpu_seconds(stage.postgres_pid) - postgres) / spent
    after = resident_octets(pid)
    fleet.stdin.close()
    outcome = msgspec.json.decode(await fleet.stdout.read(), type=IdleOutcome)
    await fleet.wait()
    return Cost(before=before, after=after, cpu=cpu, postgres_cpu=postgres, outcome=outcome)


def _add(table: Table, name: str, cost: Cost, devices: int) -> None:
    table.add(
        name,
        f"{cost.before / 2**20:.1f} MiB",
        f"{cost.after / 2**20:.1f} MiB",
        f"{(cost.after - cost.before) / devices / 1024:.1f} KiB",
        f"{cost.cpu:.1%}",
        f"{cost.postgres_cpu:.1%}",
    )
