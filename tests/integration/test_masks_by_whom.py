"""Who may do what with a mask, and that it moves one way only."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from backend.alarms.masks.model import (
    MASK_TRANSITIONS,
    WINDOW_TRANSITIONS,
    MaskMovedOn,
    MaskState,
    NoSuchMask,
    WindowState,
)
from backend.alarms.masks.queries import masks_for
from backend.alarms.masks.service import approve, ask, extend, lift, refuse
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.errors import NotAllowed, NotFound
from backend.core.ids import PersonId, new_id
from backend.core.vocabulary import Via
from backend.people.model import Person
from backend.people.queries import person
from tests.integration.test_masks import PUMP, SMOKE, Add, keeper, manager, points, pump_masked, scope_of, still

__all__ = ["keeper", "manager", "points", "still"]


async def test_a_mask_moves_one_way_only_and_keeps_what_was_approved(points: dict[str, UUID], keeper: Person) -> None:
    mask = await pump_masked(points, keeper)
    assert (await lift(keeper, mask.id, "", Via.PHONE)).state is MaskState.LIFTED
    assert (await lift(keeper, mask.id, "", Via.PHONE)).state is MaskState.LIFTED
    with pytest.raises(asyncpg.RestrictViolationError):
        await execute("update masks set until_at = until_at + interval '1 day'")
    for table, states, transitions in (
        ("masks", MaskState, MASK_TRANSITIONS),
        ("test_windows", WindowState, WINDOW_TRANSITIONS),
    ):
        source = (await fetch("select prosrc from pg_proc where proname = $1", f"{table}_move_forward"))[0]["prosrc"]
        for old in states:
            for new in states:
                assert (f"('{old}', '{new}')" in source) == (new in transitions[old])  # type: ignore[index]


async def test_another_units_person_sees_and_does_nothing(
    points: dict[str, UUID], keeper: Person, add_person: Add
) -> None:
    elsewhere = new_id()
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1, 'u2', '别处', '', 'UTC', now())",
        elsewhere,
    )
    stranger = await person(PersonId(await add_person("sun", "孙经理", "unit_manager", elsewhere, app="sun")))
    mask = await ask(keeper, scope_of(points, SMOKE), "更换", clock.now() + timedelta(hours=4), Via.PHONE)
    assert len(await masks_for(keeper)) == 1
    assert await masks_for(stranger) == []
    until = clock.now() + timedelta(hours=1)
    for act in (
        approve(stranger, mask.id, Via.PHONE),
        refuse(stranger, mask.id, "不", Via.PHONE),
        lift(stranger, mask.id, "", Via.PHONE),
        extend(stranger, mask.id, "再", until, Via.PHONE),
        approve(stranger, new_id(), Via.PHONE),
    ):
        with pytest.raises(NoSuchMask):
            await act
    with pytest.raises(NotFound):
        await ask(stranger, scope_of(points, PUMP), "检修", until, Via.PHONE)


async def test_who_may_ask_but_not_approve_is_told_so_and_a_refused_mask_stays_refused(
    points: dict[str, UUID], keeper: Person, manager: Person, add_person: Add
) -> None:
    mask = await ask(manager, scope_of(points, SMOKE), "更换", clock.now() + timedelta(hours=4), Via.PHONE)
    with pytest.raises(NotAllowed):
        await approve(keeper, mask.id, Via.PHONE)
    operator = await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None, app="qian")))
    assert (await refuse(operator, mask.id, "今晚有演出", Via.CONSOLE)).state is MaskState.REFUSED
    with pytest.raises(MaskMovedOn):
        await approve(operator, mask.id, Via.CONSOLE)
