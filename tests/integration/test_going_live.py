"""A unit goes into service with two verified kinds of contact, and what it lacks or loses is shown."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.errors import NotAllowed, NotFound
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.vocabulary import Channel
from backend.delivery.going_live import NotReady, Readiness, go_live, readiness_of
from backend.people.queries import person
from backend.people.service import close_session, mark_contact_failing, open_session

Add = Callable[..., Awaitable[UUID]]


@pytest.mark.clause("4.3.3")
async def test_a_unit_with_one_kind_of_contact_can_not_go_live_and_is_told_what_is_missing(
    unit: dict[str, UUID], add_person: Add
) -> None:
    desk = await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None)))
    await execute("update contact_points set verified_at = null where channel = 'app'")
    with pytest.raises(NotReady, match="现有：Telegram；尚未验证：手机页面"):
        await go_live(desk, UnitId(unit["unit"]))
    await execute("delete from contact_points where channel = 'app'")
    with pytest.raises(NotReady, match="请为单位人员登记另一种方式"):
        await go_live(desk, UnitId(unit["unit"]))
    assert (await fetch("select live_at from units"))[0]["live_at"] is None


async def test_a_unit_with_two_goes_live_once_and_who_did_it_stands_in_the_ledger(
    unit: dict[str, UUID], add_person: Add
) -> None:
    desk = await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None)))
    first = await go_live(desk, UnitId(unit["unit"]))
    again = await go_live(desk, UnitId(unit["unit"]))
    assert first.live_at is not None
    assert again.live_at == first.live_at
    assert len(await fetch("select 1 from ledger where facts::jsonb ->> 'what' = 'unit.went_live'")) == 1


async def test_only_the_provider_puts_a_unit_into_service(unit: dict[str, UUID]) -> None:
    manager = await person(PersonId(unit["manager"]))
    with pytest.raises(NotAllowed):
        await go_live(manager, UnitId(unit["unit"]))
    with pytest.raises(NotFound):
        await go_live(manager, UnitId(new_id()))


async def test_a_unit_that_loses_a_kind_is_marked(unit: dict[str, UUID], add_person: Add) -> None:
    desk = await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None)))
    await go_live(desk, UnitId(unit["unit"]))
    await mark_contact_failing(Channel.TELEGRAM, "100001", "blocked")
    (ready,) = await readiness_of([UnitId(unit["unit"])])
    assert (ready.has_lost_a_kind, ready.verified) == (True, (Channel.APP,))


async def test_what_a_phone_showed_proves_its_contact(unit: dict[str, UUID], door: Any) -> None:
    await execute("update contact_points set verified_at = null")
    (ready,) = await readiness_of(None)
    assert ready.verified == ()
    await execute(
        """insert into sessions (id, person, kind, digest, label, created_at, expires_at, last_seen_at)
           values ($1, $2, 'phone', 'x', '', now(), now() + interval '1 day', now())""",
        new_id(),
        unit["manager"],
    )
    (ready,) = await readiness_of(None)
    assert ready.verified == (Channel.APP,)


async def test_a_phone_that_signed_out_or_whose_session_is_over_proves_nothing(unit: dict[str, UUID]) -> None:
    await execute("update contact_points set verified_at = null where channel = 'app'")
    token = await open_session(PersonId(unit["manager"]), "phone", "")
    (ready,) = await readiness_of(None)
    assert ready.verified == (Channel.APP, Channel.TELEGRAM)
    with clock.use(StillClock(clock.now() + timedelta(days=91))):
        (ready,) = await readiness_of(None)
    assert ready.verified == (Channel.TELEGRAM,)
    await close_session(token)
    (ready,) = await readiness_of(None)
    assert ready.verified == (Channel.TELEGRAM,)


def test_two_kinds_that_one_vendor_carries_are_one_failure_domain() -> None:
    one = Readiness(unit=UnitId(UUID(int=1)), name="", live_at=None, verified=(Channel.SMS, Channel.VOICE), known=())
    assert (one.is_ready, one.is_one_failure_domain) == (True, True)
    other = msgspec.structs.replace(one, verified=(Channel.SMS, Channel.TELEGRAM))
    assert not other.is_one_failure_domain
