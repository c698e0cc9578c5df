"""What the small commands do; `cli` parses their words and prints their answers."""

import argparse
import asyncio
import contextlib
import hashlib
import io
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from backend.alarms.handing_over import HandedOver, hand_over, record_registration, tell
from backend.core.db.engine import fetch_one, transaction
from backend.core.errors import BadInput, NotFound
from backend.core.ids import PersonId, UnitId, token_digest
from backend.core.settings import Settings
from backend.core.vocabulary import Role
from backend.delivery import deadlines
from backend.delivery.deadline_export import BOOKS
from backend.ledger.export import export
from backend.ledger.service import record_action
from backend.ledger.verify import Verdict, verify
from backend.people import service as people
from backend.registry.importing import ImportReport, import_path
from protocol_gateway.gb26875.jsonform import decode_hex_line
from protocol_gateway.gb26875.profiles import PROFILES

_ACTOR: Final = "command line"
#: a year of a large provider takes PostgreSQL longer than a page may
_EXPORT_PATIENCE_S: Final = 900.0
_SESSION: Final = """
    select p.code as person, s.kind, s.label from sessions s join people p on p.id = s.person
    where s.digest = $1 and s.revoked_at is null"""


async def add_person(settings: Settings, arguments: argparse.Namespace) -> str:
    """Add a person with a role; answers a one-time address that signs their phone in."""
    if not arguments.name:
        raise BadInput("--name is missing")
    try:
        role = Role(arguments.role)
    except ValueError:
        raise BadInput(f"--role is none of {', '.join(Role)}") from None
    unit = await _unit(arguments.unit)
    async with transaction():
        person = await people.add_person(arguments.code, arguments.name, arguments.phone, arguments.language)
        await people.grant(person, role, unit)
        code = await people.new_code(person, "phone")
        await record_action(_ACTOR, "person.added", {"person": arguments.code, "role": str(role)})
    return f"{settings.public_url}/m/enter/{code}"


async def import_registry(_: Settings, arguments: argparse.Namespace) -> ImportReport:
    """Import a registry; open alarms of unidentified devices that it registers go to their units with it."""
    files = await asyncio.to_thread(_digests, arguments.path)
    handed = HandedOver()

    async def record(what: str, facts: dict[str, Any]) -> None:
        nonlocal handed
        handed = await hand_over()
        await record_registration(_ACTOR, what, {**facts, "files": files}, handed)

    report = await import_path(arguments.path, record)
    await tell(handed)
    return report


def _digests(path: Path) -> dict[str, str]:
    """SHA-256 of each imported file, by name: which file it was can be proved later."""
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


async def new_code(settings: Settings, arguments: argparse.Namespace) -> str:
    """A one-time code for a person: an address for the phone page, or the words for the chat."""
    person = await _person(arguments.code)
    async with transaction():
        code = await people.new_code(person, arguments.purpose)
        await record_action(_ACTOR, "code.made", {"person": arguments.code, "purpose": arguments.purpose})
    return f"{settings.public_url}/m/enter/{code}" if arguments.purpose == "phone" else f"/start {code}"


async def add_token(_: Settings, arguments: argparse.Namespace) -> str:
    """An API token; it is shown this once and kept only as a digest."""
    person = await _person(arguments.person)
    async with transaction():
        token = await people.open_session(person, "api", arguments.label)
        await record_action(_ACTOR, "token.added", {"person": arguments.person, "label": arguments.label})
    return token


async def revoke_token(_: Settings, arguments: argparse.Namespace) -> str:
    """End a token. Whose it was stands in the ledger; the token itself stands nowhere."""
    async with transaction():
        session = await fetch_one(_SESSION, token_digest(arguments.person))
        if session is None:
            raise NotFound("there is no such token, or it has ended")
        await people.close_session(arguments.person)
        await record_action(_ACTOR, "token.revoked", session)
    return "revoked"


async def _person(code: str) -> PersonId:
    row = await fetch_one("select id from people where code = $1", code)
    if row is None:
        raise NotFound(f"there is no person with the code {code}")
    return PersonId(row["id"])


async def _unit(code: str) -> UnitId | None:
    if not code:
        return None
    row = await fetch_one("select id from units where code = $1", code)
    if row is None:
        raise NotFound(f"there is no unit with the code {code}")
    return UnitId(row["id"])


async def export_ledger(folder: Path) -> str:
    """Export the ledger with its verifier; answers what to do next."""
    rows = await export(folder)
    return f"{rows} rows are in {folder}; check them with: python {folder}/verify_ledger.py {folder}/ledger.jsonl"


def stretch_of(since: str, until: str) -> tuple[date, date]:
    """The days of `--from` (inclusive) and `--to` (exclusive). Raises `BadInput` naming the one that is wrong."""
    days = []
    for name, word in (("--from", since), ("--to", until)):
        try:
            days.append(date.fromisoformat(word))
        except ValueError:
            raise BadInput(f"{name} is a date such as 2026-11-25, not {word!r}") from None
    if days[1] <= days[0]:
        raise BadInput(f"--to {until} is not after --from {since}: the day of --to is not part of the stretch")
    return days[0], days[1]


async def export_deadlines(settings: Settings, arguments: argparse.Namespace) -> str:
    """Every notice of a stretch of days with its stamps, the figures of each severity, the breaches with their cause.

    The days are those of the unit's zone, or the provider's where no unit is named.
    """
    days = stretch_of(arguments.since, arguments.until)
    unit = await _unit(arguments.unit)
    row = await fetch_one("select timezone from units where id = $1", unit) if unit is not None else None
    zone = row["timezone"] if row is not None else settings.provider.timezone
    begin, end = (datetime.combine(day, time(), ZoneInfo(zone)) for day in days)
    units = None if unit is None else [unit]
    stretch = deadlines.Stretch(
        since=begin, until=end, units=units, timezone=settings.provider.timezone, patience_s=_EXPORT_PATIENCE_S
    )
    book = BOOKS[arguments.format](arguments.out, sys.stdout)
    async with contextlib.aclosing(deadlines.notices(stretch)) as notices:
        async for line in notices:
            book.notice(line)
    return book.finish(await deadlines.speeds(stretch), await deadlines.breaches(stretch))


async def verify_ledger() -> Verdict:
    """Walk the chain."""
    return await verify()


def decode_lines(file: str, profile_name: str) -> int:
    """One frame as hex a line in, one JSON object a line out; answers 1 if any frame was bad."""
    profile = PROFILES.get(profile_name)
    if profile is None:
        raise BadInput(f"--profile is none of {', '.join(PROFILES)}")
    encode = msgspec.json.Encoder(enc_hook=str).encode
    code = 0
    for line in _lines(file):
        if line.strip():
            answer, is_good = decode_hex_line(line.strip(), profile)
            sys.stdout.write(encode(answer).decode() + "\n")
            code = code if is_good else 1
    return code


def _lines(file: str) -> Iterator[str]:
    if file == "-":
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")  # what is no text is no hex either, and is said so by line
        yield from sys.stdin
        return
    try:
        with Path(file).open(encoding="utf-8", errors="replace") as lines:
            yield from lines
    except OSError as error:
        raise BadInput(f"{file} can't be read: {error.strerror}") from None
