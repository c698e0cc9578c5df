"""A complaint about a person whose words name several may be about any of them: none of them reads it (5.5)."""

import asyncpg
import pytest

from backend.complaints import handling
from backend.complaints.chores import look_after_complaints
from backend.complaints.model import NoSuchComplaint, State
from backend.complaints.queries import complaint_story, complaints_for
from backend.complaints.reports import export_csv, figures_for
from backend.complaints.routing import may_be_handed_to
from backend.complaints.rows import complaint_for
from backend.core import clock
from backend.core.db.engine import execute
from backend.core.errors import NotFound
from backend.core.vocabulary import ComplaintKind, Via
from tests.integration.test_complaints import DAY, ZONE, Town, breaches, still, told, town

__all__ = ["still", "town"]
MONTH = "2026-11"


async def test_of_several_who_are_named_none_reads_it_handles_it_or_finds_it_in_a_report(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files("李受理和王经理一起骂人", by=town.zhou, kind=ComplaintKind.PERSON)
    assert (one.about_person, set(one.named)) == (None, {town.li.id, town.wang.id})
    assert one.assignee == town.sun.id
    for who in (town.li, town.wang):
        assert await complaints_for(who, "all") == []
        with pytest.raises(NoSuchComplaint):
            await complaint_story(who, one.id)
        assert "骂人" not in await export_csv(who, MONTH, ZONE)
        assert (await figures_for(who, MONTH, ZONE)).filed == 0
        assert await told(who) == []
    with pytest.raises(NoSuchComplaint):
        await handling.take(town.li, one.id, Via.TELEGRAM)
    assert [each for each, _ in await may_be_handed_to(town.sun, one.id)] == [town.lead.id]
    with pytest.raises(NotFound):
        await handling.transfer(town.sun, one.id, town.li.id, "", Via.TELEGRAM)
    for who in (town.zhou, town.sun, town.lead):
        assert (await complaint_story(who, one.id)).line.number == one.number
    assert "骂人" in await export_csv(town.lead, MONTH, ZONE)
    assert (await complaint_for(town.sun, one.id)).named == one.named


async def test_where_all_who_could_take_it_are_named_the_desk_hears_of_it_and_none_of_them_does(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files("李受理、孙受理、邱质量都不管", kind=ComplaintKind.PERSON)
    assert (one.state, one.assignee) == (State.FILED, None)
    still.advance(3 * DAY)
    await look_after_complaints()
    assert await breaches() == [("reply", 0)]
    for who in (town.li, town.sun, town.lead):
        assert await told(who) == []


async def test_whom_the_complainant_chose_is_whom_it_is_about_whoever_else_is_named(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files("李受理说孙受理不管", kind=ComplaintKind.PERSON, about_person=town.sun.id)
    assert (one.about_person, one.named) == (town.sun.id, ())
    assert len(await complaints_for(town.li)) == 1
    other = await town.files("李受理和孙受理都在场", kind=ComplaintKind.OTHER)
    assert other.named == ()


async def test_who_was_named_stays_as_it_was_filed(town: Town, still: clock.StillClock) -> None:
    one = await town.files("李受理和王经理一起骂人", by=town.zhou, kind=ComplaintKind.PERSON)
    with pytest.raises(asyncpg.RestrictViolationError):
        await execute("update complaints set named = '{}' where id = $1", one.id)
