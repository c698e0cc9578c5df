"""The month's figures and table (5.5): every closure is counted, and a person reads the table without a key to it."""

import csv
import io
from datetime import UTC, datetime

import pytest

from backend.complaints import handling, service
from backend.complaints.model import Settlement
from backend.complaints.reports import export_csv, figures_for
from backend.core import clock
from backend.core.db.engine import execute
from backend.core.vocabulary import ComplaintKind, Via
from tests.integration.test_complaints import DAY, HOUR, HOW, ZONE, Town, still, town

__all__ = ["still", "town"]
#: Monday, 30 November, 17:00 in Shanghai: the month has half an hour of work left
LAST_DAY = datetime(2026, 11, 30, 9, tzinfo=UTC)


@pytest.mark.clause("5.5")
async def test_a_closure_that_was_opened_again_unrated_is_one_that_was_asked_about(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files()
    await handling.settle(town.li, one.id, HOW, Via.CONSOLE)
    still.advance(HOUR)
    await service.reopen(town.wang, one.id, "还是没打", Via.PHONE)
    month = await figures_for(town.lead, "2026-11", ZONE)
    assert (month.reopened, month.asked, month.rated, month.unrated) == (1, 1, 0, 1)
    assert (month.satisfaction, month.causes) == (None, {"device": 1})


@pytest.mark.clause("5.5")
async def test_what_lies_over_the_end_of_a_month_counts_once_where_it_was_kept_or_due(
    town: Town, still: clock.StillClock
) -> None:
    still.advance(LAST_DAY - still.now())
    kept, missed, gone = await town.files("一"), await town.files("二"), await town.files("三")
    await handling.reply(town.li, kept.id, "马上", Via.CONSOLE)  # in November; due on 1 December, 10:30
    still.advance(DAY)  # 1 December, 17:00: the others' first reply was due at 10:30
    await service.withdraw(town.wang, gone.id, "好了", Via.PHONE)
    await handling.settle(town.li, kept.id, HOW, Via.CONSOLE)
    await service.rate(town.wang, kept.id, 4, "可以", Via.PHONE)
    still.advance(DAY)
    await handling.reply(town.sun, missed.id, "抱歉", Via.CONSOLE)
    before, after = [await figures_for(town.lead, month, ZONE) for month in ("2026-11", "2026-12")]
    assert (before.filed, before.replies_due, before.replies_in_time) == (3, 1, 1)
    assert (before.settlements_due, before.asked) == (0, 0)
    assert (after.filed, after.replies_due, after.replies_in_time) == (0, 2, 0)
    assert (after.settlements_due, after.settlements_in_time) == (1, 1)
    assert (after.asked, after.rated, after.satisfaction, after.causes) == (1, 1, 4.0, {"device": 1})


@pytest.mark.clause("5.5")
async def test_the_month_says_what_is_done_about_what_was_justified(town: Town, still: clock.StillClock) -> None:
    right, wrong = await town.files("一"), await town.files("二", by=town.zhou)
    await handling.settle(town.li, right.id, HOW, Via.CONSOLE)
    await handling.settle(town.sun, wrong.id, Settlement(text="已致电", is_justified=False), Via.CONSOLE)
    assert still.now()
    for reader in (town.lead, town.wang):
        month = await figures_for(reader, "2026-11", ZONE)
        assert [(each.complaint, each.cause, each.improvement) for each in month.actions] == [
            (right.number, "device", "纳入月检")
        ]
    assert (await figures_for(town.lead, "2026-12", ZONE)).actions == []


async def test_the_table_says_in_words_whether_it_was_justified(town: Town, still: clock.StillClock) -> None:
    right, wrong, praise = (
        await town.files("一"),
        await town.files("二"),
        await town.files("谢", kind=ComplaintKind.PRAISE),
    )
    await handling.take(town.li, wrong.id, Via.CONSOLE)
    await handling.settle(town.li, right.id, HOW, Via.CONSOLE)
    await handling.settle(town.li, wrong.id, Settlement(text="已致电", is_justified=False), Via.CONSOLE)
    await handling.take(town.li, praise.id, Via.CONSOLE)
    for language, words in (("zh_CN", ["", "成立", "不成立"]), ("en", ["", "Justified", "Not justified"])):
        await execute("update people set language = $2 where id = $1", town.lead.id, language)
        reader = type(town.lead)(id=town.lead.id, code="qiu", name="", language=language, grants=town.lead.grants)
        rows = list(csv.reader(io.StringIO((await export_csv(reader, "2026-11", ZONE)).removeprefix("\ufeff"))))
        assert [row[15] for row in rows[1:]] == words
    assert still.now()
