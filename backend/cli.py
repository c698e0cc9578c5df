"""The `fenghuo` command. Every command says in one clear sentence what is wrong, and exits non-zero."""

import argparse
import asyncio
import errno
import math
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from backend.core.errors import BadInput, BadSettings, Refused
from backend.core.settings import Settings, load
from backend.core.vocabulary import Lane

Answer = TypeVar("Answer")
_LAST_PORT = 65535


def main(words: Sequence[str] | None = None) -> None:
    """Entry point of the console script."""
    arguments = _parser().parse_args(words)
    try:
        sys.exit(arguments.run(arguments))
    except Refused as refused:
        print(f"fenghuo: {refused.sentence}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        words = _why_not(error)
        if words is None:
            raise
        print(f"fenghuo: {words}", file=sys.stderr)
        sys.exit(2)


def _why_not(error: OSError) -> str | None:
    """A sentence for what the caller can mend: a path or a port. None for what is a bug or passes by itself."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return error.strerror if error.errno in {errno.EADDRINUSE, errno.EADDRNOTAVAIL} else None


def _settings(arguments: argparse.Namespace) -> Settings:
    from protocol_gateway.gb26875.profiles import PROFILES

    settings = load(getattr(arguments, "data", None), os.environ)
    if settings.gateway.profile not in PROFILES:
        raise BadSettings(f"bad setting in section [gateway]: profile is none of {', '.join(PROFILES)}")
    return settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fenghuo", description="Fenghuo 烽火: fire alarms to people, provably.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_services(commands)
    _add_registry(commands)
    _add_tools(commands)
    return parser


if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names no other


def _add(
    commands: "Commands", name: str, run: Callable[[argparse.Namespace], int], words: str
) -> argparse.ArgumentParser:
    one = commands.add_parser(name, help=words, description=words)
    one.add_argument("--data", metavar="DIR", help="data directory (default: fenghuo-data)")
    one.set_defaults(run=run)
    return one


def _add_services(commands: "Commands") -> None:
    one = _add(commands, "up", _up, "run everything on this machine under one supervisor")
    one.add_argument("--demo", action="store_true", help="with a sample unit, simulated devices and carriers")
    _add(commands, "gateway", _process("gateway"), "run the protocol gateway")
    one = _add(commands, "web", _web, "run pages, phones, API and hooks")
    one.add_argument("--demo", action="store_true", help=argparse.SUPPRESS)
    _add(commands, "bot", _process("bot"), "run the chat bot")
    _add(commands, "auditor", _process("auditor"), "run the auditor, which looks for what was not told in time")
    one = _add(commands, "worker", _worker, "run one delivery worker")
    one.add_argument("lane", choices=("fire", "routine"))
    one.add_argument("--ready-file", type=Path, metavar="FILE", help="made once the worker can work")
    _add(commands, "migrate", _migrate, "bring the database's schema up to date")


def _add_registry(commands: "Commands") -> None:
    one = _add(commands, "import", _import, "import units, buildings, devices, components and people; all or nothing")
    one.add_argument("path", type=Path, help="one .xlsx, or a folder of .csv")
    one = _add(commands, "person", _person, "people: the first administrator, and ways in")
    one.add_argument("deed", choices=("add", "code"))
    one.add_argument("code", help="the person's code")
    one.add_argument("--name", default="")
    one.add_argument("--phone", default="")
    one.add_argument("--language", default="zh_CN")
    one.add_argument("--role", default="administrator")
    one.add_argument("--unit", default="", help="unit's code; empty for a role at the provider")
    one.add_argument("--purpose", choices=("phone", "telegram"), default="phone")
    one = _add(commands, "token", _token, "API tokens")
    one.add_argument("deed", choices=("add", "revoke"))
    one.add_argument("person", help="the person's code, or for revoke the token")
    one.add_argument("--label", default="command line")


def _add_tools(commands: "Commands") -> None:
    one = _add(commands, "simulate", _simulate, "run simulated devices against a gateway")
    one.add_argument("--gateway", metavar="HOST:PORT", default="127.0.0.1:26875")
    one.add_argument("--devices", type=int, default=1)
    one.add_argument("--rate", type=float, default=1.0, help="reports a second of all devices together; 0: no limit")
    one.add_argument("--scenario", default="normal")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--duration", type=float, metavar="SECONDS")
    one.add_argument("--udp", action="store_true")
    one.add_argument("--json", action="store_true", help="print the report as JSON")
    one = _add(commands, "decode", _decode, "decode frames: hex lines in, JSON lines out")
    one.add_argument("--profile", default="standard")
    one.add_argument("file", nargs="?", default="-")
    one = _add(commands, "ledger", _ledger, "verify or export the ledger")
    one.add_argument("deed", choices=("verify", "export"))
    one.add_argument("folder", nargs="?", type=Path, default=Path("ledger-export"))
    one = _add(commands, "deadlines", _deadlines, "print or export how every notice kept its deadline")
    one.add_argument("--from", dest="since", metavar="DATE", required=True, help="first day, such as 2026-11-01")
    one.add_argument("--to", dest="until", metavar="DATE", required=True, help="the day after the last one")
    one.add_argument("--unit", metavar="CODE", default="", help="one unit only, by its days")
    one.add_argument("--format", choices=("table", "csv", "xlsx"), default="table")
    one.add_argument("--out", type=Path, metavar="FILE", help="instead of the standard output; xlsx needs one")
    one = _add(commands, "demo", _demo, "run one of the demonstration's own processes")
    one.add_argument("part", choices=("carriers", "devices"))
    one = _add(commands, "doctor", _doctor, "check settings, servers, channels and storage headroom")
    one.add_argument("--send-test", metavar="PERSON", default="", help="send a test message to this person's contacts")


def _up(arguments: argparse.Namespace) -> int:
    from backend import main as processes
    from backend.up import up

    async def run(settings: Settings, stop: asyncio.Event) -> None:
        await up(settings, stop, demo=arguments.demo)

    processes.run_process("up", _settings(arguments), run)
    return 0


def _process(name: str) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        from backend import main as processes

        settings = _with_servers(arguments)
        processes.run_process(name, settings, getattr(processes, name))
        return 0

    return run


def _web(arguments: argparse.Namespace) -> int:
    from backend import main as processes

    async def run(settings: Settings, stop: asyncio.Event) -> None:
        await processes.web(settings, stop, demo=arguments.demo)

    processes.run_process("web", _with_servers(arguments), run)
    return 0


def _worker(arguments: argparse.Namespace) -> int:
    from backend import main as processes

    async def run(settings: Settings, stop: asyncio.Event) -> None:
        await processes.worker(settings, stop, Lane(arguments.lane), arguments.ready_file)

    processes.run_process(f"worker-{arguments.lane}", _with_servers(arguments), run)
    return 0


def _with_servers(arguments: argparse.Namespace) -> Settings:
    """A process of its own needs both servers named; `fenghuo up` names them for its children."""
    settings = _settings(arguments)
    for section, url in (("DATABASE", settings.database.url), ("REDIS", settings.redis.url)):
        if not url:
            raise Refused(f"FENGHUO_{section}_URL is not set; only `fenghuo up` starts servers of its own")
    return settings


def _offline(arguments: argparse.Namespace, work: Callable[[Settings], Awaitable[Answer]]) -> Answer:
    """Run a command against the database: the one named, or the embedded one (started if nobody runs it)."""
    from backend.offline import with_database

    return asyncio.run(with_database(_settings(arguments), work))


def _migrate(arguments: argparse.Namespace) -> int:
    async def work(_: Settings) -> None:
        """The database is opened migrated."""

    _offline(arguments, work)
    print("the schema is up to date")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from backend.commands import import_registry

    print(_offline(arguments, lambda settings: import_registry(settings, arguments)))
    return 0


def _person(arguments: argparse.Namespace) -> int:
    from backend.commands import add_person, new_code

    deed = add_person if arguments.deed == "add" else new_code
    print(_offline(arguments, lambda settings: deed(settings, arguments)))
    return 0


def _token(arguments: argparse.Namespace) -> int:
    from backend.commands import add_token, revoke_token

    deed = add_token if arguments.deed == "add" else revoke_token
    print(_offline(arguments, lambda settings: deed(settings, arguments)))
    return 0


def _simulate(arguments: argparse.Namespace) -> int:
    from protocol_gateway.simulator import SCENARIOS, Options, simulate

    host, _, port = arguments.gateway.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= _LAST_PORT:
        raise BadInput(f"--gateway is HOST:PORT, not {arguments.gateway!r}")
    if arguments.scenario not in SCENARIOS:
        raise BadInput(f"--scenario is none of {', '.join(SCENARIOS)}")
    if arguments.devices < 1 or not 0 <= arguments.rate < math.inf:
        raise BadInput("--devices is at least 1, --rate at least 0")
    if arguments.duration is not None and not 0 < arguments.duration < math.inf:
        raise BadInput("--duration is more than 0 seconds")
    options = Options(
        host=host,
        port=int(port),
        scenario=arguments.scenario,
        devices=arguments.devices,
        rate=arguments.rate,
        seed=arguments.seed,
        udp=arguments.udp,
        duration_s=arguments.duration,
    )
    try:
        report = asyncio.run(simulate(options))
    except OSError as error:
        raise Refused(f"no gateway answers at {arguments.gateway}: {error.strerror or error}") from None
    if arguments.json:
        print(msgspec.json.encode(report).decode())
    else:
        print("\n".join(f"{name}: {value}" for name, value in msgspec.structs.asdict(report).items()))
    return 0 if report.unanswered == 0 else 1


def _decode(arguments: argparse.Namespace) -> int:
    from backend.commands import decode_lines

    return decode_lines(arguments.file, arguments.profile)


def _ledger(arguments: argparse.Namespace) -> int:
    from backend.commands import export_ledger, verify_ledger

    if arguments.deed == "export":
        print(_offline(arguments, lambda _: export_ledger(arguments.folder)))
        return 0
    verdict = _offline(arguments, lambda _: verify_ledger())
    print(msgspec.json.encode(verdict).decode())
    return 0 if verdict.is_good else 1


def _deadlines(arguments: argparse.Namespace) -> int:
    from backend.commands import export_deadlines, stretch_of

    stretch_of(arguments.since, arguments.until)  # a typing error is said before the database is opened
    said = _offline(arguments, lambda settings: export_deadlines(settings, arguments))
    if said:
        print(said)
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from backend import main as processes

    run = processes.demo_carriers if arguments.part == "carriers" else processes.demo_devices
    processes.run_process(f"demo-{arguments.part}", _with_servers(arguments), run)
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from backend.doctor import see

    return asyncio.run(see(_settings(arguments), arguments.send_test))


if __name__ == "__main__":
    main()
