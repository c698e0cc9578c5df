"""Cards that are drawn again keep their carrier's limits, a group's and the whole bot's; no fire waits for them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from backend.core import clock
from backend.core.carrier_settings import Budgets
from backend.core.db.engine import execute, fetch
from backend.core.ids import AttemptId
from backend.core.vocabulary import Channel
from backend.delivery import spending
from backend.delivery.budgets import for_edits, limits_of
from backend.monitoring.model import StateSaid
from tests.integration.test_spending import FIRE, SUPERVISORY, Hands, hands, point, still

__all__ = ["hands", "still"]
pytestmark = pytest.mark.told_apart
GROUP = "-100555"
MOST = next(each.plain for each in for_edits(limits_of(Budgets()))[Channel.TELEGRAM] if each.scope == "group")


async def change(hands: Hands) -> None:
    """A card changes: everywhere it hangs it is to be drawn again now, as far as the limits allow."""
    await execute("update attempts set redraw_at = $1 where channel = 'telegram' and state = 'accepted'", clock.now())
    await draw(hands)


async def draw(hands: Hands) -> None:
    rows = await fetch("select id from attempts where redraw_at <= $1", clock.now())
    await hands.carrier.redraw([AttemptId(row["id"]) for row in rows])


async def test_a_groups_card_is_drawn_again_no_oftener_than_the_group_may_be_written_to(
    hands: Hands, door: Any, still: Any
) -> None:
    await execute("update contact_points set address = $1 where channel = 'telegram'", GROUP)
    await door.hears(StateSaid(subject=point(1), state=SUPERVISORY))
    await hands.carry()
    for _ in range(30):
        still.advance(timedelta(seconds=1))
        await change(hands)
    assert 0 < len(hands.telegram.drawn) <= MOST
    before = len(hands.telegram.drawn)
    for _ in range(61):  # it settles, and the last face of it is drawn
        still.advance(timedelta(seconds=1))
        await draw(hands)
    assert len(hands.telegram.drawn) > before
    receipts = await fetch("select kind from receipts where kind like 'redraw%'")
    assert {row["kind"] for row in receipts} <= {"redrawn"}, "a receipt is a carrier's word, and none said anything"
    assert await fetch("select 1 from attempts where channel = 'telegram' and redraw_at is not null") == []


async def test_a_fire_goes_to_a_group_at_once_however_often_its_cards_changed(
    hands: Hands, door: Any, still: Any
) -> None:
    await execute("update contact_points set address = $1 where channel = 'telegram'", GROUP)
    await door.hears(StateSaid(subject=point(1), state=SUPERVISORY))
    await hands.carry()
    for _ in range(20):
        still.advance(timedelta(seconds=1))
        await change(hands)
    sent = len(hands.telegram.sent)
    await door.hears(StateSaid(subject=point(2), state=FIRE))
    await hands.carry()
    assert len(hands.telegram.sent) == sent + 1


async def test_what_can_not_be_drawn_again_spends_nothing(hands: Hands, door: Any, still: Any) -> None:
    await execute("update contact_points set channel = 'voice', address = '+8613800000001' where channel = 'telegram'")
    hands.channels[Channel.VOICE].can_edit = False
    await door.hears(StateSaid(subject=point(1), state=FIRE))
    await hands.carry()
    before = await fetch("select key, spent from spendings order by key")
    still.advance(timedelta(seconds=1))
    await execute("update attempts set redraw_at = $1 where channel = 'voice' and state = 'accepted'", clock.now())
    await draw(hands)
    assert await fetch("select 1 from attempts where channel = 'voice' and state = 'accepted'") != []
    assert await fetch("select key, spent from spendings order by key") == before


async def test_cards_that_change_at_once_ask_for_their_carriers_room_together(
    hands: Hands, door: Any, still: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account's log is one row, and a fire asks for it too: each claim for itself took three times as long."""
    for number in range(1, 41):
        await door.hears(StateSaid(subject=point(number), state=FIRE))
        still.advance(timedelta(seconds=3))
        await hands.carry()
    asked: list[int] = []
    spend = spending.spend

    async def counted(asks: Any, limits: Any, now: Any) -> Any:
        asked.append(len(asks))
        return await spend(asks, limits, now)

    monkeypatch.setattr(spending, "spend", counted)
    await execute("update attempts set redraw_at = $1 where channel = 'telegram' and state = 'accepted'", clock.now())
    rows = await fetch("select id from attempts where channel = 'telegram' and redraw_at is not null")
    await asyncio.gather(*(hands.carrier.redraw([AttemptId(row["id"])]) for row in rows))
    assert sum(asked) == len(rows) == 40
    assert len(asked) <= len(rows) // 2


async def test_a_persons_own_chat_shows_a_change_at_once(hands: Hands, door: Any, still: Any) -> None:
    await door.hears(StateSaid(subject=point(1), state=FIRE))
    await hands.carry()
    for _ in range(3):
        still.advance(timedelta(milliseconds=200))
        await change(hands)
    assert len(hands.telegram.drawn) == 3
