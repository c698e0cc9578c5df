"""The doctor says what is wrong, quickly, and makes nothing."""

from pathlib import Path

import pytest

from backend.core.errors import NotFound
from backend.core.settings import Database, RedisSection, Secret, Settings
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
