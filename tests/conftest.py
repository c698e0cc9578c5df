"""Fixtures: one embedded PostgreSQL and Valkey for the whole run, a fresh migrated database for each test."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, settings

from backend.core.db.embedded import EmbeddedServer, prepare_postgres, prepare_valkey
from backend.core.db.engine import close_database, open_database
from tests.databases import Databases, in_database

ROOT = Path(__file__).parent.parent
#: what hypothesis tries may take as long as it takes: a busy machine breaks no promise of ours (tests.patience)
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def _wait_for_socket(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, f"no socket at {path}"
        time.sleep(0.02)


@contextlib.contextmanager
def running(server: EmbeddedServer, socket: Path, log: Path) -> Iterator[EmbeddedServer]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            server.command,
            stdout=out,
            stderr=out,
            user=server.user,
            group=server.user,
            extra_groups=[] if server.user else None,
            cwd="/",
        )
    try:
        _wait_for_socket(socket, process, log)
        yield server
    finally:
        process.send_signal(2)
        process.wait(30)


def _quick_place() -> str:
    """Memory, where there is enough of it: a test's own database is then made in a twentieth of the time."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 * 2**30:
        return str(memory)
    return "/tmp"


@pytest.fixture(scope="session")
def servers_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="fh-", dir=_quick_place()))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(servers_home: Path) -> Iterator[EmbeddedServer]:
    server = prepare_postgres(servers_home)
    command = (
        *server.command,
        "-c",
        "fsync=off",
        "-c",
        "synchronous_commit=off",
        "-c",
        "full_page_writes=off",
        "-c",
        "max_wal_size=256MB",
    )
    server = EmbeddedServer(server.name, command, server.url, server.user)
    socket_dir = Path(parse_qs(urlsplit(server.url).query)["host"][0])
    with running(server, socket_dir / ".s.PGSQL.5432", servers_home / "postgres.log"):
        yield server


@pytest.fixture(scope="session")
def redis_url(servers_home: Path) -> Iterator[str]:
    server = prepare_valkey(servers_home)
    with running(server, Path(server.url.removeprefix("unix://")), servers_home / "valkey.log"):
        yield server.url


@pytest.fixture(scope="session")
def databases(postgres_server: EmbeddedServer) -> Iterator[Databases]:
    made = Databases(postgres_server.url)
    yield made
    made.close()


@pytest.fixture
async def database_url(postgres_server: EmbeddedServer, databases: Databases) -> AsyncIterator[str]:
    """The owner's URL of a fresh, migrated, empty database."""
    name = await databases.take()
    yield in_database(postgres_server.url, name)
    databases.give_back(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """A fresh database with this process's pool open, under the service's role."""
    await open_database(database_url, pool=8)
    try:
        yield database_url
    finally:
        await close_database()


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> None:
    for name in [each for each in os.environ if each.startswith("FENGHUO_")]:
        del os.environ[name]
