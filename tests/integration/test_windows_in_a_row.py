"""Windows that follow each other: a fire that one of them kept inside the house is told when that one ends."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.masks.chores import look_after_masks
from backend.alarms.masks.model import Scope, ScopeKind, WindowKind
from backend.alarms.masks.windows import open_window
from backend.core.clock import StillClock
from backend.core.db.engine import fetch
from backend.core.ids import PersonId
from backend.core.vocabulary import Via
from backend.people.queries import person
from tests.integration.test_reaching import Crew, crew, raised, still

__all__ = ["crew", "still"]
pytestmark = pytest.mark.told_apart
Add = Callable[..., Awaitable[UUID]]


@pytest.mark.clause("4.4.4")
async def test_a_fire_is_told_when_its_window_ends_although_the_next_one_is_open(
    door: Any, crew: Crew, still: StillClock, add_person: Add
) -> None:
    """One person opens windows one after the other: without this it would ring nobody's telephone for days."""
    maintainer = await person(PersonId(await add_person("bao", "包维保", "maintainer", crew.unit, app="bao")))
    for hours in (0, 7):
        await open_window(
            maintainer,
            Scope(kind=ScopeKind.UNIT, unit=crew.unit),
            WindowKind.TEST,
            "联动测试",
            from_at=still.at + timedelta(hours=hours),
            until_at=still.at + timedelta(hours=hours + 8),
            via=Via.PHONE,
            people=[maintainer.id],
        )
    alarm = await raised(door)
    told: list[tuple[set[str], int]] = []
    for _ in range(2):
        rows = await fetch(
            """select distinct p.code, n.id from attempts a
               join people p on p.id = a.person join notices n on n.id = a.notice
               where n.alarm = $1 and n.kind = 'raised' and a.state <> 'skipped'""",
            alarm,
        )
        told.append(({row["code"] for row in rows}, len({row["id"] for row in rows})))
        for _ in range(9):
            still.advance(timedelta(hours=1))
            await look_after_masks()
    assert told == [({"bao", "li", "wang"}, 1), ({"bao", "li", "wang"}, 2)]
