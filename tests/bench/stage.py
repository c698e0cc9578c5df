"""The stage: embedded servers as `fenghuo up` runs them (fsync on), a database a benchmark, the real processes."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec

from backend.core import clock
from backend.core.db.embedded import EmbeddedServer, prepare_postgres, prepare_valkey
from backend.core.db.engine import close_database, execute, execute_many, open_database
from backend.core.db.migrate import migrate
from backend.core.ids import new_id
from tests.bench.load import Outcome, Plan

_PATIENCE_S = 90.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
CHAT = 100_001
ROOT = Path(__file__).parent.parent.parent


class Stage:
    """Servers that run for the whole benchmark, and the processes of one part of it."""

    def __init__(self, home: Path, postgres: EmbeddedServer, redis_url: str, postgres_pid: int) -> None:
        self.home = home
        self.server_url = postgres.url
        self.redis_url = redis_url
        self.postgres_pid = postgres_pid
        self.url = ""
        self._children: list[subprocess.Popen[bytes]] = []
        self._names = 0

    async def new_database(self) -> None:
        """A fresh, migrated database, with this process's pool on it."""
        self._names += 1
        name = f"bench_{self._names}"
        connection = await asyncpg.connect(self.server_url)
        await connection.execute(f"create database {name}")
        await connection.close()
        self.url = urlunsplit(urlsplit(self.server_url)._replace(path=f"/{name}"))
        await migrate(self.url)

    @contextlib.asynccontextmanager
    async def pool(self) -> AsyncIterator[None]:
        await open_database(self.url, pool=4)
        try:
            yield
        finally:
            await close_database()

    def environment(self, **more: str) -> dict[str, str]:
        metrics = self.home / f"metrics-{self._names}"
        metrics.mkdir(exist_ok=True)
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("FENGHUO_")},
            "FENGHUO_DATA": str(self.home),
            "FENGHUO_DATABASE_URL": self.url,
            "FENGHUO_REDIS_URL": self.redis_url,
            "FENGHUO_LOG_LEVEL": "warning",
            "FENGHUO_STORMS_IS_ON": "false",  # else most alarms of a benchmark would be told by another's card
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            **more,
        }

    def spawn(self, *words: str, **more: str) -> subprocess.Popen[bytes]:
        """One process of ours, its log in the stage's home."""
        log = (self.home / "processes.log").open("ab")
        with log:
            child = subprocess.Popen(
                [sys.executable, *words], env=self.environment(**more), stdout=log, stderr=log, cwd=ROOT
            )
        self._children.append(child)
        return child

    def gateway(self, **more: str) -> tuple[subprocess.Popen[bytes], int]:
        """The real gateway and its port, once it listens."""
        port = free_port()
        settings = {"FENGHUO_GATEWAY_PORT": str(port), "FENGHUO_GATEWAY_HOST": "127.0.0.1", **more}
        child = self.spawn("-m", "backend.cli", "gateway", **settings)
        wait_for_port(port, child)
        return child, port

    def end(self, *children: subprocess.Popen[bytes]) -> None:
        for child in children:
            child.send_signal(signal.SIGTERM)
        for child in children:
            try:
                child.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            self._children.remove(child)

    def end_all(self) -> None:
        self.end(*self._children)


def free_port() -> int:
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def wait_for_port(port: int, child: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        if child.poll() is not None:
            raise RuntimeError(f"{child.args} ended with {child.returncode}")
        with contextlib.closing(socket.socket()) as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{child.args} does not listen")


async def generate(plan: Plan) -> Outcome:
    """Run the load generator in a process of its own."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.load", stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    answer, _ = await child.communicate(msgspec.json.encode(plan))
    if child.returncode:
        raise RuntimeError("the load generator failed")
    return msgspec.json.decode(answer, type=Outcome)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of the children it has still or had."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0.0
    own = sum(map(int, fields[11:15])) / _TICKS
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)


def resident_octets(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


async def register(addresses: list[str]) -> None:
    """One unit whose manager has two kinds of contact, and all the devices."""
    unit, building, person, now = new_id(), new_id(), new_id(), clock.now()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, 'bench', '示范大厦', '', 'Asia/Shanghai', $2)""",
        unit,
        now,
    )
    await execute(
        "insert into buildings (id, unit, code, name, address) values ($1, $2, 'b1', '1号楼', '')", building, unit
    )
    await execute_many(
        """insert into devices (id, unit, building, kind, address, power, profile, name, adopted_at, downlink_serial)
           values ($1, $2, $3, 'uitd', $4, 'mains', 'standard', '传输装置', $5, 0)""",
        [(new_id(), unit, building, address, now) for address in addresses],
    )
    await execute(
        """insert into people (id, code, name, phone, language, is_active, created_at)
           values ($1, 'wang', '王经理', '13800000001', 'zh_CN', true, $2)""",
        person,
        now,
    )
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, 'unit_manager', $3, $4)",
        new_id(),
        person,
        unit,
        now,
    )
    await execute_many(
        """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
           values ($1, $2, $3, $4, 1, $5, $5)""",
        [(new_id(), person, channel, address, now) for channel, address in (("app", "wang"), ("telegram", str(CHAT)))],
    )


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Everything that all benchmarks share; ends and removes it all."""
    home = Path(tempfile.mkdtemp(prefix="fhb-", dir="/tmp"))
    home.chmod(0o755)
    log = (home / "servers.log").open("wb")
    postgres, valkey = prepare_postgres(home), prepare_valkey(home)
    running: list[subprocess.Popen[bytes]] = []
    for server in (postgres, valkey):
        is_ours = server.user is None
        running.append(
            subprocess.Popen(
                server.command,
                stdout=log,
                stderr=log,
                user=server.user,
                group=server.user,
                extra_groups=None if is_ours else [],
                cwd="/",
            )
        )
    built = Stage(home, postgres, valkey.url, running[0].pid)
    try:
        _wait_for_servers(postgres.url, Path(valkey.url.removeprefix("unix://")))
        yield built
    finally:
        built.end_all()
        for process in running:
            process.send_signal(signal.SIGINT)
            process.wait(_PATIENCE_S)
        log.close()
        shutil.rmtree(home, ignore_errors=True)


def _wait_for_servers(postgres_url: str, valkey: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        try:
            asyncio.run(_ask(postgres_url))
        except (OSError, asyncpg.PostgresError):
            time.sleep(0.05)
            continue
        if valkey.exists():
            return
        time.sleep(0.02)
    raise RuntimeError("the servers did not start")


async def _ask(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.close()


async def postgres_version(url: str) -> str:
    connection = await asyncpg.connect(url)
    version: str = await connection.fetchval("show server_version")
    await connection.close()
    return f"PostgreSQL {version}"
