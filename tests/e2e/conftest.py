"""The street: the real processes of `fenghuo up`, simulated devices at one end, people's phones at the other.

Nothing here reaches into a process: frames go in over TCP, cards come out at the carrier and over HTTP, and the
database is only read. Waiting is on conditions, each with a deadline; nothing waits for a fixed time.
"""

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from backend.core.db.embedded import prepare_postgres
from backend.core.db.engine import database, fetch
from backend.core.settings import load
from backend.demo.carriers.telegram import BotApiServer, CarrierRequest, Person, serve
from backend.demo.carriers.telegram import chats as carrier_chats
from backend.people.model import SessionKind
from backend.people.service import new_code, open_session
from protocol_gateway.simulator import SimulatedUitd
from tests.e2e.sheets import SHEETS, write_sheets

TOKEN = "7310868735:" + "A" * 35
#: for steps that are no promise of ours (starting, importing): this machine may be busy
PATIENCE_S = 60.0
#: the street's carrier takes what it is sent: these stories measure our own house, not Telegram's limits. The one for
#: the whole bot stays, so that its asking is measured too
LIMITS = {"TELEGRAM_PER_CHAT_PER_SECOND": "0", "TELEGRAM_PER_CHAT_PER_MINUTE": "0", "TELEGRAM_PER_SECOND": "2000"}
NAMED = 1  #: so many of the people get their codes by the command line, a second each; the others by its use case
#: the banner of what the duty desk hears when a unit was not told in time
OVERDUE = "规定时间内未以两种方式通知到单位"


def free_port() -> int:
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def until(what: str, ask: Callable[[], Awaitable[Any]], within: float = PATIENCE_S, step: float = 0.05) -> Any:
    """Ask until the answer is true, and give it back."""
    end = time.monotonic() + within
    while not (found := await ask()):
        assert time.monotonic() < end, f"not within {within} s: {what}"
        await asyncio.sleep(step)
    return found


class Processes:
    """`fenghuo up` in a data directory of its own, and commands beside it."""

    def __init__(self, **environment: str) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="fh-e2e-", dir="/tmp"))
        self.data.chmod(0o755)
        self.http_port, self.gateway_port = free_port(), free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FENGHUO_")},
            "FENGHUO_HTTP_PORT": str(self.http_port),
            "FENGHUO_HTTP_REQUESTS_PER_MINUTE": "100000",
            **{f"FENGHUO_BUDGETS_{name}": most for name, most in LIMITS.items()},
            "FENGHUO_GATEWAY_HOST": "127.0.0.1",
            "FENGHUO_STORMS_IS_ON": "false",  # here every alarm is counted on the phones
            "FENGHUO_GATEWAY_PORT": str(self.gateway_port),
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> str:
        """Start `up`; answers its ready line, at once or when it has ended."""
        out, errors = self.data / "up.out", self.data / "up.err"
        with out.open("wb") as to, errors.open("ab") as to_errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "backend.cli", "up", "--data", str(self.data)],
                stdout=to, stderr=to_errors, env=self.environment, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + PATIENCE_S
        while not (ready := [line for line in out.read_text().splitlines() if line.startswith("ready ")]):
            assert self.process.poll() is None, f"`up` has ended:\n{errors.read_text()[-3000:]}"
            assert time.monotonic() < end, f"`up` is not ready:\n{errors.read_text()[-3000:]}"
            time.sleep(0.02)
        return ready[0]

    def children(self) -> dict[int, str]:
        """The children of `up` by process id, each with its command line."""
        assert self.process is not None
        found = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parent = stat.read_text().rpartition(")")[2].split()[1]
                words = (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if int(parent) == self.process.pid and words:
                    found[int(stat.parent.name)] = words
        return found

    def pids(self, name: str) -> list[int]:
        """Those of the children whose command line holds `name`, such as "cli worker fire"."""
        return [pid for pid, words in self.children().items() if name in words]

    def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def run(self, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """One command, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "backend.cli", *words],
            env={**self.environment, **environment}, cwd=self.data,
            input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    async def answer(self, *words: str) -> str:
        """What a command that must succeed printed."""
        done = await asyncio.to_thread(self.run, *words, "--data", str(self.data))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def close(self) -> None:
        """End it, and whatever it may have left."""
        if self.process is not None and self.process.poll() is None:
            left = self.children()
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.data, ignore_errors=True)


def _phones() -> ModuleType:
    """The module beside this one: tests are no package that could be imported from."""
    spec = importlib.util.spec_from_file_location("fenghuo_e2e_phones", Path(__file__).with_name("phones.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PHONES = _phones()


class Street(Processes):
    """Everything: processes, carrier, people with phones, devices."""

    def __init__(self, carrier: BotApiServer, carrier_base: str) -> None:
        super().__init__(FENGHUO_TELEGRAM_TOKEN=TOKEN, FENGHUO_TELEGRAM_API_BASE=carrier_base)
        self.carrier = carrier
        self.phones: dict[str, SimpleNamespace] = {}
        self._devices: list[SimulatedUitd] = []

    async def open(self) -> None:
        """Start, load the registry, sign in every phone and link every chat the way people do."""
        await asyncio.to_thread(self.start)
        sheets = await asyncio.to_thread(write_sheets, self.data / "sheets")
        await self.answer("import", str(sheets))
        named, crowd = SHEETS["people"][1][:NAMED], SHEETS["people"][1][NAMED:]
        keys = {str(code): await self._keys(str(code)) for code, *_ in named}
        async with database(load(str(self.data), {"FENGHUO_DATABASE_URL": prepare_postgres(self.data).url})):
            for row in await fetch("select id, code from people where code = any($1)", [each[0] for each in crowd]):
                # so many sign-ins a minute from one address are turned away
                token = await open_session(row["id"], SessionKind.PHONE, "street")
                keys[row["code"]] = (token, await new_code(row["id"], "telegram"))
        people = enumerate([*named, *crowd], 100_001)
        async with asyncio.TaskGroup() as signing:  # of one that fails the others are not left waiting
            for n, (code, name, *_) in people:
                signing.create_task(self._sign_in(n, str(code), str(name), *keys[str(code)]))

    async def _keys(self, code: str) -> tuple[str, str]:
        """By one-time codes of the command line: the phone's session, and words for the chat."""
        asked = (self.answer("person", "code", code, "--purpose", each) for each in ("phone", "telegram"))
        phone, telegram = await asyncio.gather(*asked)
        async with httpx.AsyncClient(base_url=self.base, trust_env=False) as http:
            signed = await http.post("/mp/v1/session", json={"code": phone.rpartition("/")[2]})
            assert signed.status_code == 201, signed.text
        return str(signed.json()["token"]), telegram.removeprefix("/start ")

    async def _sign_in(self, account: int, code: str, name: str, token: str, chat_code: str) -> None:
        telegram = PHONES.TelegramPhone(self.carrier, account)
        self.carrier.act.start(Person(id=account, first_name=name), chat_code)
        await telegram.expects(name, within=PATIENCE_S)
        app = PHONES.AppPhone(self.base, token)
        self.phones[name] = SimpleNamespace(telegram=telegram, app=app, code=code)

    def phone(self, name: str) -> SimpleNamespace:
        """A person's phone: `.telegram` and `.app`."""
        return self.phones[name]

    async def uitd(self, address: str, **how: Any) -> SimulatedUitd:
        """A device that has dialled in."""
        device = SimulatedUitd(address, ("127.0.0.1", self.gateway_port), **how)
        self._devices.append(device)
        await device.connect()
        return device

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """Rows, on a connection of the moment: the checker's own view."""
        connection = await asyncpg.connect(prepare_postgres(self.data).url, timeout=5)
        try:
            rows: list[asyncpg.Record] = await connection.fetch(sql, *values)
        finally:
            await connection.close()
        return rows

    def sent_cards(self, since: int = 0) -> dict[str, list[CarrierRequest]]:
        """Cards the carrier took, by the alarm's id as 32 hex digits, in order of arrival."""
        found: dict[str, list[CarrierRequest]] = {}
        for request in self.carrier.log.since(since):
            # what the desk is told of a breach is a message of its own, and no second one of the alarm
            if request.method == "sendMessage" and request.carried_out and OVERDUE not in str(request.params):
                alarm = re.search(r"a1:ack:([0-9a-f]{32})", str(request.params.get("reply_markup", "")))
                if alarm is not None:
                    found.setdefault(alarm[1], []).append(request)
        return found

    async def clear(self) -> None:
        """Send the devices home; what burned is judged by now, and nobody is told of it at later steps."""
        await self.fetch("update escalations set state = 'ended', due_at = null where state <> 'ended'")
        await asyncio.gather(*(device.close() for device in self._devices))
        self._devices.clear()


@pytest.fixture(scope="session")
def _a_carrier_that_forgets_nothing() -> Iterator[None]:
    """Telegram keeps every message; the in-repo carrier keeps 500 of a chat unless told otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carrier_chats, "MESSAGES_KEPT", 10**6)
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def open_street(_no_settings_from_outside: None, _a_carrier_that_forgets_nothing: None) -> AsyncIterator[Street]:
    carrier = BotApiServer(TOKEN)
    async with serve(carrier) as base:
        street = Street(carrier, base)
        try:
            await street.open()
            yield street
        finally:
            for phone in street.phones.values():
                await phone.app.close()
            await street.clear()
            await asyncio.to_thread(street.close)


@pytest_asyncio.fixture(loop_scope="session")
async def street(open_street: Street) -> AsyncIterator[Street]:
    """The street, with no device on the line. Tests that use it run in the session's loop."""
    yield open_street
    await open_street.clear()


@pytest.fixture
def processes() -> Iterator[Processes]:
    """A data directory of one's own, with `up` not yet started."""
    one = Processes()
    yield one
    one.close()


@pytest.fixture(scope="module")
def open_processes(_no_settings_from_outside: None) -> Iterator[Processes]:
    """The same for all tests of a module."""
    one = Processes()
    yield one
    one.close()


@pytest.fixture(scope="session")
def waiting() -> Callable[..., Awaitable[Any]]:
    """`await waiting(what, ask, within)`: ask until the answer is true."""
    return until


@pytest.fixture(scope="session")
def load_devices() -> Sequence[str]:
    """Addresses of the devices that carry the load, the units in turn."""
    return [str(row[3]) for row in SHEETS["devices"][1] if str(row[0]).startswith("L")]
