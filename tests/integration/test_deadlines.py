"""The deadline ledger: percentiles of known rows, and exports that read back as they were, without a formula."""

import argparse
import csv
import io
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from backend.cli import main
from backend.commands import export_deadlines
from backend.core.db.engine import execute
from backend.core.errors import BadInput, NotFound
from backend.core.ids import new_id
from backend.core.settings import Settings
from backend.core.vocabulary import Severity
from backend.delivery.breach_model import BreachKind
from backend.delivery.deadline_export import ATTEMPTS, attempt_rows, safe
from backend.delivery.deadlines import Stretch, breaches, causes, notices, speeds

#: 00:00 on 1 November in Shanghai
MIDNIGHT = datetime(2026, 10, 31, 16, tzinfo=UTC)
Put = Callable[..., Awaitable[UUID]]


@pytest.fixture
async def put(unit: dict[str, UUID]) -> Put:
    """Writes a notice with attempts by (channel, seconds from t1 to its acceptance or None)."""
    seen = itertools.count(1)

    async def put_one(
        at: datetime,
        *ways: tuple[str, float | None],
        severity: str = "fire",
        state: str = "accepted",
        where: str = "2层",
    ) -> UUID:
        notice, alarm, deadline = new_id(), new_id(), at + timedelta(seconds=3)
        await execute(
            """insert into notices (id, alarm, unit, kind, severity, lane, cards, revision, deadline_at, clause, t0, t1,
                   t3, created_at)
               values ($1, $2, $3, 'raised', $4, 'fire', $5, 0, $6, '4.3.1', $7, $7, $7, $7)""",
            notice, alarm, unit["unit"], severity, f'{{"zh_CN": {{"number": {next(seen)}, "where": "{where}"}}}}',
            deadline, at,
        )  # fmt: skip
        for channel, took in ways:
            t5 = None if took is None else at + timedelta(seconds=took)
            await execute(
                """insert into attempts (id, notice, person, channel, address, lane, state, language, due_at,
                       deadline_at, tries, drawn_revision, created_at, t4, t5, is_held)
                   values ($1, $2, $3, $4, 'a', 'fire', $5, 'zh_CN', $6, $7, 1, 0, $6, $6, $8, $9)""",
                new_id(), notice, unit["manager"], channel, state if took is not None else "refused", at, deadline, t5,
                t5 is not None and t5 <= deadline,
            )  # fmt: skip
        return notice

    return put_one


async def put_breach(unit: dict[str, UUID], due: datetime, **also: Any) -> UUID:
    breach = new_id()
    row = {"kind": "kinds_short", "severity": "fire", "late_ms": 4500, "cause_code": "carrier_stalled"} | also
    await execute(
        """insert into breaches (id, kind, clause, subject, alarm, unit, severity, due_at, found_at, late_ms,
               cause_code, cause)
           values ($1, $2, '4.3.3', $1, $1, $3, $4, $5, $5, $6, $7, '{"channel": "telegram"}')""",
        breach, row["kind"], unit["unit"], row["severity"], due, row["late_ms"], row["cause_code"],
    )  # fmt: skip
    return breach


def asked(**also: Any) -> argparse.Namespace:
    given = {"since": "2026-11-01", "until": "2026-11-02", "unit": "", "format": "csv", "out": None}
    return argparse.Namespace(**given | also)


DAY = Stretch(since=MIDNIGHT, until=MIDNIGHT + timedelta(days=1))


@pytest.mark.clause("4.3.1")
async def test_percentiles_of_known_rows(put: Put) -> None:
    for number in range(1, 101):
        await put(MIDNIGHT + timedelta(minutes=number), ("app", number / 100), ("telegram", number / 25))
    await put(MIDNIGHT + timedelta(hours=3), ("app", None), ("telegram", None))
    fire = (await speeds(DAY))[0]
    assert (fire.severity, fire.notices, fire.unaccepted, fire.two_kinds) == (Severity.FIRE, 101, 1, 100)
    assert fire.held == 75, "the second kind took up to 3 s for 75 of them"
    assert (fire.first_p50, fire.first_p99, fire.first_max) == (0.5, 0.99, 1.0)
    assert (fire.two_p50, fire.two_p99, fire.two_max) == (2.0, 3.96, 4.0)
    assert [each.notices for each in (await speeds(DAY))[1:]] == [0, 0, 0]


async def test_a_stretch_is_half_open_and_what_others_told_of_is_not_counted(put: Put) -> None:
    await put(MIDNIGHT, ("app", 0.1), ("telegram", 0.2))
    await put(MIDNIGHT + timedelta(days=1), ("app", 0.1))
    skipped = await put(MIDNIGHT + timedelta(hours=1), ("app", None))
    await execute(
        "insert into attempts select (jsonb_populate_record(t, jsonb_build_object('id', $2::text, 'state', 'skipped', "
        "'channel', 'telegram', 'number', 900))).* from attempts t where notice = $1",
        skipped,
        str(new_id()),
    )
    assert (await speeds(DAY))[0].notices == 2
    lines = [line async for line in notices(DAY)]
    assert [line.is_held for line in lines] == [True, False]
    assert [len(line.attempts) for line in lines] == [2, 2]
    assert [line.timezone for line in lines] == ["Asia/Shanghai"] * 2


async def test_the_csv_reads_back_with_stamps_in_utc_and_the_units_zone(
    put: Put, unit: dict[str, UUID], tmp_path: Path
) -> None:
    await put(MIDNIGHT + timedelta(hours=1), ("app", 0.25), ("telegram", None), where="=HYPERLINK(1)")
    await put_breach(unit, MIDNIGHT + timedelta(hours=1))
    out = tmp_path / "d.csv"
    said = await export_deadlines(Settings(), asked(out=out))
    assert said == f"written: {out}, d-breaches.csv, d-summary.csv"
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    app = next(row for row in rows if row["channel"] == "app")
    assert (app["t5_utc"], app["t5_local"]) == ("2026-10-31T17:00:00.250Z", "2026-11-01 01:00:00.250+08:00")
    assert (app["t1_to_t5_s"], app["held"], app["unit"], app["person"]) == ("0.25", "yes", "u1", "王经理")
    assert app["place"] == "'=HYPERLINK(1)"
    assert [row["held"] for row in rows] == ["yes", "no"]
    (breach,) = csv.DictReader(io.StringIO((tmp_path / "d-breaches.csv").read_text(encoding="utf-8-sig")))
    assert (breach["cause"], breach["cause_zh"], breach["late_s"]) == ("carrier_stalled", "运营商无应答", "4.5")
    summary = list(csv.DictReader(io.StringIO((tmp_path / "d-summary.csv").read_text(encoding="utf-8-sig"))))
    assert (summary[0]["severity"], summary[0]["notices"], summary[0]["held"]) == ("fire", "1", "0")


async def test_the_workbook_reads_back_with_its_four_sheets_and_no_formula(
    put: Put, unit: dict[str, UUID], tmp_path: Path
) -> None:
    await put(MIDNIGHT, ("app", 0.25), ("telegram", 1.5), where="=1+1")
    await put(MIDNIGHT + timedelta(hours=2))
    await put_breach(unit, MIDNIGHT)
    out = tmp_path / "d.xlsx"
    await export_deadlines(Settings(), asked(format="xlsx", out=out, unit="u1"))
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["notices", "attempts", "breaches", "summary"]
    read: dict[str, list[dict[str, Any]]] = {}
    for sheet in book:
        header, *rows = sheet.iter_rows(values_only=True)
        read[sheet.title] = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["held"] for row in read["notices"]] == ["yes", "no"]
    assert (read["notices"][0]["first_s"], read["notices"][0]["two_kinds_s"]) == (0.25, 1.5)
    assert read["notices"][0]["kinds_accepted"] == "app, telegram"
    assert [row["attempt"] is None for row in read["attempts"]] == [False, False, True]
    assert read["breaches"][0]["cause_facts"] == "channel=telegram"
    assert read["summary"][0]["two_p50_s"] == 1.5
    cells = [one for sheet in book for row in sheet.iter_rows() for one in row]
    assert not [one for one in cells if one.data_type == "f"]


async def test_the_table_names_each_notice_and_breach(put: Put, unit: dict[str, UUID], tmp_path: Path) -> None:
    await put(MIDNIGHT, ("app", 0.25), ("telegram", 4))
    await put_breach(unit, MIDNIGHT)
    out = tmp_path / "d.txt"
    await export_deadlines(Settings(), asked(format="table", out=out))
    text = out.read_text(encoding="utf-8")
    assert "BREACH" in text
    assert "app 0.250s telegram 4.000s" in text
    assert "1 breaches" in text
    assert "+4.500s" in text


async def test_breaches_are_filtered_by_kind_severity_and_unit(unit: dict[str, UUID]) -> None:
    await put_breach(unit, MIDNIGHT)
    await put_breach(unit, MIDNIGHT, kind="attempt_late", severity="fault", late_ms=None)
    assert len(await breaches(DAY)) == 2
    assert [each.kind for each in await breaches(DAY, kind=BreachKind.ATTEMPT_LATE)] == ["attempt_late"]
    assert [each.severity for each in await breaches(DAY, severity=Severity.FIRE)] == ["fire"]
    assert await breaches(Stretch(since=DAY.since, until=DAY.until, units=[])) == []
    assert [(each.kind, each.breaches) for each in await causes(DAY)] == [("attempt_late", 1), ("kinds_short", 1)]


async def test_an_unknown_unit_and_a_workbook_without_a_file_are_refused(database: str) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        await export_deadlines(Settings(), asked(unit="nowhere"))
    with pytest.raises(BadInput, match="--out"):
        await export_deadlines(Settings(), asked(format="xlsx"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--from", "yesterday", "--to", "2026-11-02"], "--from is a date such as 2026-11-25, not 'yesterday'"),
        (["--from", "2026-11-01", "--to", "2026-02-30"], "--to is a date such as 2026-11-25, not '2026-02-30'"),
        (["--from", "2026-11-02", "--to", "2026-11-02"], "--to 2026-11-02 is not after --from 2026-11-02"),
    ],
)
def test_bad_dates_are_refused_in_one_sentence(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["deadlines", *words, "--data", str(tmp_path)])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"fenghuo: {says}")


def test_text_that_a_spreadsheet_would_run_is_made_harmless() -> None:
    assert [safe(each) for each in ("=1", "+1", "-1", "@x", "\tx", "2层")] == [
        "'=1",
        "'+1",
        "'-1",
        "'@x",
        "'\tx",
        "2层",
    ]


async def test_an_attempt_of_a_later_step_stands_beside_its_own_deadline(put: Put, unit: dict[str, UUID]) -> None:
    """Else one that was in time, a minute after the report, would stand as held against a deadline long past."""
    notice = await put(MIDNIGHT, ("app", 0.25))
    due = MIDNIGHT + timedelta(seconds=60)
    await execute(
        """insert into attempts (id, notice, person, channel, address, lane, state, language, due_at, deadline_at,
               tries, drawn_revision, created_at, t4, t5, is_held, step)
           values ($1, $2, $3, 'telegram', 'a', 'fire', 'accepted', 'zh_CN', $4, $5, 1, 0, $4, $4, $4, true, 1)""",
        new_id(), notice, unit["manager"], due, due + timedelta(seconds=3),
    )  # fmt: skip
    lines = [line async for line in notices(Stretch(since=MIDNIGHT, until=MIDNIGHT + timedelta(days=1)))]
    rows = [dict(zip(ATTEMPTS, row, strict=True)) for line in lines for row in attempt_rows(line)]
    assert [(row["channel"], row["round"], row["step"], row["held"], row["deadline_utc"]) for row in rows] == [
        ("app", 1, 1, True, "2026-10-31T16:00:03.000Z"),
        ("telegram", 1, 2, True, "2026-10-31T16:01:03.000Z"),
    ]
