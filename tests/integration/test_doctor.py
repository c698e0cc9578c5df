"""The doctor says what is wrong, quickly, and makes nothing."""

from datetime import datetime
from pathlib import Path

import pytest

from backend.core import clock
from backend.core.errors import NotFound
from backend.core.settings import Database, RedisSection, Secret, Settings
from backend.core.working_time import CalendarSection
from backend.doctor import see


async def test_a_data_directory_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "typo"
    with pytest.raises(NotFound, match="typo"):
        await see(Settings(data=str(missing)), "")
    assert not missing.exists()


async def test_a_database_that_is_away_costs_its_own_checks_and_the_others_are_made(
    tmp_path: Path, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = Database(url=Secret("postgresql://nobody@127.0.0.1:1/none"))
    code = await see(Settings(data=str(tmp_path), database=nowhere, redis=RedisSection(url=Secret(redis_url))), "")
    said = {line[4:].strip().partition(":")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert code == 1
    assert "PostgreSQL can't be reached" in said["database"]
    assert said["ledger"].startswith("BAD")
    assert said["redis"].startswith("ok")


@pytest.mark.parametrize(
    ("today", "more", "said"),
    [
        ("2027-11-20", (), "ok   calendar: days off are known until the end of 2027"),
        ("2027-12-01", (), "BAD  calendar: days off are known until the end of 2027; enter those of 2028"),
        ("2027-12-01", ("2028-01-01",), "ok   calendar: days off are known until the end of 2028"),
    ],
)
async def test_a_year_whose_days_off_nobody_entered_is_named_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], today: str, more: tuple[str, ...], said: str
) -> None:
    nowhere = Database(url=Secret("postgresql://nobody@127.0.0.1:1/none"))
    settings = Settings(data=str(tmp_path), database=nowhere, calendar=CalendarSection(days_off=more))
    with clock.use(clock.StillClock(datetime.fromisoformat(f"{today}T02:00+00:00"))):
        await see(settings, "")
    assert said in capsys.readouterr().out
