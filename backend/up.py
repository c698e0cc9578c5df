"""`fenghuo up`: everything on one machine under one supervisor."""

import asyncio
import contextlib
import fcntl
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Final

import asyncpg
import httpx

from backend.core.db.embedded import EmbeddedServer, prepare_postgres, prepare_valkey
from backend.core.db.migrate import migrate
from backend.core.errors import Refused
from backend.core.redis import RedisError, connect
from backend.core.settings import Settings
from backend.core.supervisor import ChildSpec, Supervisor, own_command
from backend.demo.start import prepare_demo, start_devices

_SERVERS: Final = ("postgres", "valkey")
_FIRST_TO_STOP: Final = ("devices", "gateway")
_LOCK_PATIENCE_S: Final = 20.0
_LOCK_STEP_S: Final = 0.2
#: longer than a predecessor's gateway drains
_PORT_PATIENCE_S: Final = 8.0
_LOOPBACK: Final = "127.0.0.1"


async def up(settings: Settings, stop: asyncio.Event, *, demo: bool) -> None:
    """Start everything in order, print one line `ready …`, wait for `stop`, end everything in reverse."""
    supervisor = Supervisor()
    data = Path(settings.data)
    async with _alone(data):
        await _run(supervisor, settings, data, stop, demo=demo)


@contextlib.asynccontextmanager
async def _alone(data: Path) -> AsyncIterator[None]:
    """One supervisor a data directory. One that is just stopping is waited for; raises `Refused` for another."""
    with _lock_file(data) as lock:
        waited = 0.0
        while not _locked(lock):
            if waited >= _LOCK_PATIENCE_S:
                raise Refused(f"another `fenghuo up` runs on {data}")
            await asyncio.sleep(_LOCK_STEP_S)
            waited += _LOCK_STEP_S
        yield


def _lock_file(data: Path) -> IO[str]:
    data.mkdir(parents=True, exist_ok=True)
    return (data / "up.lock").open("a+")


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _run(supervisor: Supervisor, settings: Settings, data: Path, stop: asyncio.Event, *, demo: bool) -> None:
    """Start, unless told to stop meanwhile; wait; end."""
    starting = asyncio.create_task(_start(supervisor, settings, data, demo=demo), name="starting")
    stopping = asyncio.create_task(stop.wait(), name="stopping")
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            print(_ready_line(settings, demo=demo), flush=True)  # noqa: T201 - the contract's one line
            await stopping
    finally:
        for task in (starting, stopping):
            task.cancel()
        await asyncio.gather(starting, stopping, return_exceptions=True)
        await supervisor.stop(only=_FIRST_TO_STOP)  # no new frames; what is in hand is committed and confirmed
        await supervisor.stop(keep=_SERVERS)
        await supervisor.stop()


async def _start(supervisor: Supervisor, settings: Settings, data: Path, *, demo: bool) -> None:
    """Servers, schema, then everything that works on them; the gateway last."""
    await _until_free("http", settings.http.host, settings.http.port, socket.SOCK_STREAM)
    await _until_free("gateway", settings.gateway.host, settings.gateway.port, socket.SOCK_STREAM, socket.SOCK_DGRAM)
    environment = await _servers(supervisor, settings, data)
    await migrate(environment["FENGHUO_DATABASE_OWNER_URL"] or environment["FENGHUO_DATABASE_URL"])
    environment |= _metrics_folder(data)
    if demo:
        environment |= await prepare_demo(supervisor, data, environment)
    await supervisor.start(*_services(settings, environment, demo=demo))
    await supervisor.start(_gateway(settings, environment))
    if demo:
        await start_devices(supervisor, environment)


async def _until_free(section: str, host: str, port: int, *kinds: socket.SocketKind) -> None:
    """A port that a predecessor is just giving up is waited for. Raises `Refused` for one that stays taken.

    Else a stranger on the port would answer in our child's place, and `ready` be a lie.
    """
    if not port:
        raise Refused(f"FENGHUO_{section.upper()}_PORT is 0: people and devices could not know where to call")
    waited = 0.0
    for kind in kinds:
        while (why := _why_taken(host, port, kind)) is not None:
            if waited >= _PORT_PATIENCE_S:
                raise Refused(f"{host}:{port} can't be bound ({why}); set FENGHUO_{section.upper()}_PORT or _HOST")
            await asyncio.sleep(_LOCK_STEP_S)
            waited += _LOCK_STEP_S


def _why_taken(host: str, port: int, kind: socket.SocketKind) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as one:
        if kind is socket.SOCK_STREAM:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as asyncio's own servers do
        try:
            one.bind((host, port))
            if kind is socket.SOCK_STREAM:
                one.listen(1)
        except OSError as error:
            return error.strerror or str(error)
    return None


async def _servers(supervisor: Supervisor, settings: Settings, data: Path) -> dict[str, str]:
    """Embedded servers where no URL is set; answers the environment every child gets."""
    database_url, redis_url = settings.database.url.value, settings.redis.url.value
    specs = []
    if not database_url:
        server = prepare_postgres(data)
        database_url = server.url
        specs.append(_embedded(server, signal.SIGINT, lambda: _postgres_answers(server.url)))
    if not redis_url:
        valkey = prepare_valkey(data)
        redis_url = valkey.url
        specs.append(_embedded(valkey, signal.SIGTERM, lambda: _valkey_answers(valkey.url)))
    await supervisor.start(*specs)
    return {
        "FENGHUO_DATA": str(data),
        "FENGHUO_DATABASE_URL": database_url,
        "FENGHUO_DATABASE_OWNER_URL": settings.database.owner_url.value,
        "FENGHUO_REDIS_URL": redis_url,
    }


def _embedded(server: EmbeddedServer, stop_signal: int, ready: object) -> ChildSpec:
    return ChildSpec(
        name=server.name,
        command=server.command,
        user=server.user,
        stop_signal=stop_signal,
        ready=ready,  # type: ignore[arg-type]
    )


async def _postgres_answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=2)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True


async def _valkey_answers(url: str) -> bool:
    client = connect(url)
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()


def _metrics_folder(data: Path) -> dict[str, str]:
    """All processes write their metrics here, and the web process answers for them."""
    folder = data / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink()
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}


def _services(settings: Settings, environment: dict[str, str], *, demo: bool) -> list[ChildSpec]:
    names = [f"fire-{number}" for number in range(1, settings.workers.fire_processes + 1)]
    workers = [_worker(name, "fire", settings, environment) for name in names]
    workers.append(_worker("routine", "routine", settings, environment))
    web = own_command("web", "--demo") if demo else own_command("web")
    return [
        *workers,
        ChildSpec(name="web", command=web, environment=environment, ready=lambda: _web_answers(settings)),
        ChildSpec(name="bot", command=own_command("bot"), environment=environment),
        ChildSpec(name="auditor", command=own_command("auditor"), environment=environment),
    ]


def _worker(name: str, lane: str, settings: Settings, environment: dict[str, str]) -> ChildSpec:
    """A worker says by a file that it can work: it serves no port that could be asked."""
    file = Path(settings.data) / f"{name}.ready"
    file.unlink(missing_ok=True)

    async def is_ready() -> bool:
        return file.exists()

    return ChildSpec(
        name=name,
        command=own_command("worker", lane, "--ready-file", str(file)),
        environment=environment,
        ready=is_ready,
    )


def _gateway(settings: Settings, environment: dict[str, str]) -> ChildSpec:
    """Comes last: no device is confirmed before there is somebody to carry its alarm."""
    return ChildSpec(
        name="gateway",
        command=own_command("gateway"),
        environment=environment,
        ready=lambda: _port_answers(_reachable(settings.gateway.host), settings.gateway.port),
    )


def _reachable(host: str) -> str:
    return {"0.0.0.0": _LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - the wildcard is compared, not bound


async def _web_answers(settings: Settings) -> bool:
    host = _reachable(settings.http.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.http.port}/health/ready"
    async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
        try:
            return (await client.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


async def _port_answers(host: str, port: int) -> bool:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family)) as one:
        one.setblocking(False)
        try:
            await asyncio.wait_for(loop.sock_connect(one, (host, port)), 1)
        except (OSError, TimeoutError):
            return False
    return True


def _ready_line(settings: Settings, *, demo: bool) -> str:
    base = settings.public_url
    addresses = [f"phone={base}/m", f"desk={base}/", f"gateway={settings.gateway.host}:{settings.gateway.port}"]
    if demo:
        addresses.insert(0, f"street={base}/demo")
    return f"ready {' '.join(addresses)}"
