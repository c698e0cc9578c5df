"""What proves that a work order was done: the worker's own evidence and signal of this very work, nothing older."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.masks.model import MaskMovedOn, Scope, ScopeKind
from backend.alarms.masks.service import approve, ask, extend
from backend.alarms.queries import alarms_for
from backend.core import clock
from backend.core.db.engine import fetch
from backend.core.ids import DeviceId
from backend.core.vocabulary import Via
from backend.evidence.model import MediaKind
from backend.evidence.service import keep
from backend.monitoring.model import LinkSaid, StateSaid
from backend.people.model import Person
from backend.work_orders.model import Act, Incomplete, Proof, State, WaitReason, WorkOrder
from backend.work_orders.opening import Opening, open_from_alarm, open_order
from backend.work_orders.queries import order_view
from backend.work_orders.service import Said, Where, add_evidence, add_location
from tests.integration.test_masks import FAULT, NORMAL, PUMP, SMOKE, keeper, manager, points, scope_of, still, the_alarm
from tests.integration.test_work_orders import JPEG, act, desk, second, to_site

__all__ = ["desk", "keeper", "manager", "points", "second", "still"]


async def with_photo(points: dict[str, UUID], by: Person, *needs: Proof) -> WorkOrder:
    return await open_order(by, Opening(unit=points["unit"], what="水泵异响", needs=needs or (Proof.PHOTO,)), Via.PHONE)  # type: ignore[arg-type]


async def photographs(order: WorkOrder, by: Person) -> None:
    await add_evidence(by, order.id, [await keep(by, MediaKind.PHOTO, "a.jpg", JPEG)], Via.PHONE)


async def test_the_reporters_photo_of_the_fault_is_no_proof_of_the_repair(
    points: dict[str, UUID], manager: Person, keeper: Person
) -> None:
    order = await with_photo(points, manager)
    await photographs(order, manager)
    await to_site(order, keeper)
    with pytest.raises(Incomplete):
        await act(order, Act.FINISH, keeper)
    assert (await order_view(keeper, order.id)).proofs == ()
    await photographs(order, keeper)
    assert (await act(order, Act.FINISH, keeper)).state is State.DONE


async def test_work_that_was_sent_back_is_proved_anew(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person
) -> None:
    order = await with_photo(points, manager, Proof.PHOTO, Proof.LOCATION)
    await to_site(order, keeper)
    await photographs(order, keeper)
    await add_location(keeper, order.id, Where(latitude=31.2, longitude=121.5), Via.PHONE)
    await act(order, Act.FINISH, keeper)
    still.advance(timedelta(minutes=5))
    await act(order, Act.SEND_BACK, manager, Said(reason="仍有异响"))
    await act(order, Act.ARRIVE, keeper)
    with pytest.raises(Incomplete):
        await act(order, Act.FINISH, keeper)
    still.advance(timedelta(minutes=5))
    await photographs(order, keeper)
    with pytest.raises(Incomplete):
        await act(order, Act.FINISH, keeper)
    await add_location(keeper, order.id, Where(latitude=31.2, longitude=121.5), Via.PHONE)
    assert (await act(order, Act.FINISH, keeper)).state is State.DONE


async def test_who_takes_over_finishes_by_a_signal_and_a_photo_of_their_own(
    still: clock.StillClock, points: dict[str, UUID], door: Any, manager: Person, keeper: Person, second: Person
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    order, _ = await open_from_alarm(manager, await the_alarm(), Via.PHONE)
    await to_site(order, keeper)
    await photographs(order, keeper)
    await act(order, Act.EXPECT_TEST, keeper)
    still.advance(timedelta(seconds=5))
    await door.hears(StateSaid(subject=PUMP, state=NORMAL))
    await act(order, Act.EXPECT_TEST, keeper)
    still.advance(timedelta(minutes=5))
    await act(order, Act.REASSIGN, manager, Said(reason="换人", to=(second.id,)))
    await to_site(order, second)
    with pytest.raises(Incomplete) as refused:
        await act(order, Act.FINISH, second)
    assert refused.value.facts["missing"] == ["evidence", "test"]
    still.advance(timedelta(seconds=5))
    await photographs(order, second)
    await act(order, Act.EXPECT_TEST, second)
    still.advance(timedelta(seconds=5))
    await door.hears(StateSaid(subject=PUMP, state=NORMAL))
    assert (await act(order, Act.FINISH, second)).state is State.DONE


async def test_who_waits_before_setting_out_is_not_made_to_have_arrived(
    points: dict[str, UUID], manager: Person, keeper: Person
) -> None:
    order = await with_photo(points, manager)
    await act(order, Act.ACCEPT, keeper)
    await act(order, Act.WAIT, keeper, Said(wait_reason=WaitReason.PARTS))
    view = await order_view(keeper, order.id)
    offered, drawn = [each.act for each in view.acts], [key.verb for row in view.card.keys for key in row]
    assert Act.SET_OUT in offered
    assert Act.RESUME not in offered
    assert "o-go" in drawn
    assert "o-resume" not in drawn
    await act(order, Act.SET_OUT, keeper)
    await act(order, Act.ARRIVE, keeper)
    await act(order, Act.WAIT, keeper, Said(wait_reason=WaitReason.UNIT))
    view = await order_view(keeper, order.id)
    assert Act.RESUME in [each.act for each in view.acts]
    assert "o-resume" in [key.verb for row in view.card.keys for key in row]


async def test_a_signal_that_came_is_not_thrown_away_by_asking_for_it_again(
    still: clock.StillClock, points: dict[str, UUID], door: Any, manager: Person, keeper: Person
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    order, _ = await open_from_alarm(manager, await the_alarm(), Via.PHONE)
    await to_site(order, keeper)
    await act(order, Act.EXPECT_TEST, keeper)
    still.advance(timedelta(seconds=5))
    heard_at = clock.now()
    await door.hears(StateSaid(subject=PUMP, state=NORMAL))
    still.advance(timedelta(minutes=16))
    asked = await act(order, Act.EXPECT_TEST, keeper)
    assert asked.test_signal_at == heard_at
    assert (await order_view(keeper, order.id)).order.test_signal_at == heard_at


async def test_the_order_of_a_silent_device_lifts_the_mask_over_it(
    still: clock.StillClock, points: dict[str, UUID], door: Any, manager: Person, keeper: Person
) -> None:
    await door.hears(LinkSaid(is_lost=True, silent_since=still.now()))
    (alarm,) = await alarms_for(manager, "active", 9)
    scope = Scope(kind=ScopeKind.DEVICE, device=DeviceId(points["device"]))
    asked = await ask(keeper, scope, "等待更换电源", clock.now() + timedelta(days=1), Via.PHONE)
    await approve(manager, asked.id, Via.PHONE)
    order, _ = await open_from_alarm(manager, alarm.id, Via.PHONE)
    await to_site(order, keeper)
    await photographs(order, keeper)
    await act(order, Act.FINISH, keeper)
    await act(order, Act.VERIFY, manager)
    (mask,) = await fetch("select state, ended_why from masks where id = $1", asked.id)
    assert tuple(mask.values()) == ("lifted", f"工单 #{order.number} 已验收")
    assert [each.number for each in (await order_view(manager, order.id)).chain.masks] == [asked.number]


async def test_a_mask_that_still_waits_for_approval_does_not_begin_after_the_repair(
    still: clock.StillClock, points: dict[str, UUID], door: Any, manager: Person, keeper: Person
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FAULT))
    order, _ = await open_from_alarm(manager, await the_alarm(), Via.PHONE)
    tonight = still.now() + timedelta(hours=6)
    active = await ask(keeper, scope_of(points, SMOKE), "更换探测器", tonight, Via.PHONE)
    await approve(manager, active.id, Via.PHONE)
    longer = await extend(keeper, active.id, "配件未到", tonight + timedelta(hours=6), Via.PHONE)
    await to_site(order, keeper)
    await photographs(order, keeper)
    await act(order, Act.WAIVE_TEST, manager, Said(reason="面板已核对"))
    await act(order, Act.FINISH, keeper)
    await act(order, Act.VERIFY, manager)
    rows = await fetch("select state from masks where id = any($1)", [active.id, longer.id])
    assert [row["state"] for row in rows] == ["lifted", "lifted"]
    with pytest.raises(MaskMovedOn):
        await approve(manager, longer.id, Via.PHONE)


@pytest.mark.parametrize("what", [Act.REASSIGN, Act.WITHDRAW])
async def test_the_window_of_a_test_that_nobody_makes_any_more_is_over(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person, second: Person, what: Act
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    order, _ = await open_from_alarm(manager, await the_alarm(), Via.PHONE)
    await to_site(order, keeper)
    await act(order, Act.EXPECT_TEST, keeper)
    assert [row["state"] for row in await fetch("select state from test_windows")] == ["open"]
    await act(order, what, manager, Said(reason="不测了", to=(second.id,)))
    assert [row["state"] for row in await fetch("select state from test_windows")] == ["ended"]
