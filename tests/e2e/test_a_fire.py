"""A fire, as the people of the street live through it: real processes, a device at one end, phones at the other."""

import time
import uuid
from typing import Any

import msgspec
import pytest

pytestmark = [pytest.mark.alone, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

DETECTOR = (1, 1, 42, 201)
TEA_ROOM = (1, 1, 42, 202)
NORMAL = 1
FIRE_S = 3.0
REDRAW_S = 1.0


def words_of(item: dict[str, Any]) -> str:
    return msgspec.json.encode(item["card"]).decode()


@pytest.mark.clause("4.3.1")
async def test_a_fire_reaches_two_phones_and_comes_back_acknowledged(street: Any, waiting: Any) -> None:
    wang, li = street.phone("王经理"), street.phone("李值班")
    device = await street.uitd("790300000000")

    sending = await device.reports_fire(*DETECTOR)
    assert sending.is_confirmed

    card = await wang.telegram.expects("火警", "2层东侧走廊", "报警中")
    item = await wang.app.expects("火警", "2层东侧走廊")
    await li.telegram.expects("火警", "2层东侧走廊")
    await li.app.expects("火警", "2层东侧走廊")
    alarm = item["alarm"]
    (first, second) = street.sent_cards()[uuid.UUID(alarm).hex]
    took = [each.received_monotonic - sending.sent_at for each in (first, second)]
    took.append(item["arrived"] - sending.sent_at)
    print(f"octets out of the device -> carrier, carrier, phone page: {[round(each, 3) for each in took]} s")
    assert max(took) < FIRE_S
    assert item["card"]["unit"] == "示范大厦"
    assert "1号楼 2层 东侧办公区" in item["card"]["where"]

    # 王经理 taps; 李值班's phone page, open on the desk, says who, when, and by what way
    tapped = time.monotonic()
    assert await wang.telegram.taps("我已知晓", card) == "已确认"
    answered = time.monotonic()
    seen = await li.app.expects("王经理 已确认", "Telegram")
    assert seen["arrived"] - answered < REDRAW_S
    assert seen["alarm"] == alarm
    assert not seen["is_new"]
    print(f"tap -> answer {answered - tapped:.3f} s, -> the other phone page {seen['arrived'] - tapped:.3f} s")
    own = await wang.telegram.expects("王经理 已确认")
    assert own.message_id == card.message_id, "the card was redrawn where it hangs, not sent again"

    # 李值班 acknowledges in the app; 王经理's Telegram card is edited
    acknowledged = time.monotonic()
    said = await li.app.acknowledges(alarm)
    assert (said["is_new"], said["via"], said["known_by"]) == (True, "phone", ["王经理", "李值班"])
    edited = await wang.telegram.expects("王经理 已确认", "李值班 已确认")
    assert edited.message_id == card.message_id
    assert time.monotonic() - acknowledged < 2 * REDRAW_S

    # a second tap says when
    again = await wang.telegram.taps("我已知晓", edited)
    assert again.startswith("您已于 ")
    assert "Telegram" in again
    assert "李值班" in again
    repeated = await li.app.acknowledges(alarm)
    assert (repeated["is_new"], repeated["at"]) == (False, said["at"])

    # the verdict, asked twice because it calls people out
    assert "再点一次" in await wang.telegram.taps("真实火警", edited)
    assert "真实火警" in await wang.telegram.taps("再点一次", edited)
    judged = await li.app.expects("真实火警", "王经理")
    assert judged["card"]["status"] == "报警中", "a verdict does not end the condition"

    # the detector is well again: with a verdict standing, that closes the alarm
    await device.reports_state(*DETECTOR, state=NORMAL)
    await device.reports_system_state(1, 1, NORMAL | 1 << 13)
    closed = await li.app.expects("已关闭")
    assert closed["alarm"] == alarm
    await wang.telegram.expects("已关闭", "2层东侧走廊")
    assert alarm not in {each["alarm"] for each in (await wang.app.get("/alarms")).json()}
    story = (await wang.app.get(f"/alarms/{alarm}")).json()["history"]
    assert [line["text"] for line in story if "关闭" in line["text"]]

    await _the_deadline_ledger_is_whole(street, alarm, waiting, wang, item)


async def _the_deadline_ledger_is_whole(street: Any, alarm: str, waiting: Any, wang: Any, item: Any) -> None:
    received = await wang.app.post("/inbox/received", {"attempts": [item["attempt"]]})
    assert received.json() == {"received": 1}
    rows = await street.fetch(
        """select n.t0, n.t1, n.t2, n.t3, n.deadline_at, n.clause, t.* from notices n join attempts t on t.notice = n.id
           where n.alarm = $1 and n.kind = 'raised'""",
        uuid.UUID(alarm),
    )
    assert sorted(row["channel"] for row in rows) == ["app", "app", "telegram", "telegram"]
    for row in rows:
        stamps = [row[name] for name in ("t0", "t1", "t3", "t2", "t4", "t5")]
        assert None not in stamps
        assert stamps[:3] == sorted(stamps[:3]), "first octet, frame complete, planned"
        assert row["t3"] <= row["t2"], "planned inside the transaction whose commit made it durable"
        assert row["t3"] <= row["t4"] <= row["t5"]
        assert row["is_held"] is True
        assert row["t5"] <= row["deadline_at"]
        assert "4.3.1" in row["clause"]
    answered = {row["channel"]: row["t7"] for row in rows if row["t7"] is not None}
    assert set(answered) == {"app", "telegram"}
    assert sum(row["t6"] is not None for row in rows) == 1
    verdict = msgspec.json.decode(await street.answer("ledger", "verify"))
    assert verdict["is_good"], verdict


@pytest.mark.clause("4.4.1")
async def test_an_unidentified_devices_fire_reaches_the_duty_desk_and_nobody_else(street: Any) -> None:
    stranger = await street.uitd("0badc0ffee00")
    sending = await stranger.reports_fire(1, 1, 42, 777)
    assert sending.is_confirmed
    desk = street.phone("钱值班员")
    card = await desk.telegram.expects("未登记设备", "火警")
    item = await desk.app.expects("未登记设备", "火警")
    arrived = street.sent_cards()[uuid.UUID(item["alarm"]).hex]
    assert len(arrived) == 1
    assert arrived[0].message_id == card.message_id
    assert arrived[0].received_monotonic - sending.sent_at < FIRE_S
    people = await street.fetch(
        """select distinct p.code from notices n join attempts t on t.notice = n.id join people p on p.id = t.person
           where n.alarm = $1""",
        uuid.UUID(item["alarm"]),
    )
    assert [row["code"] for row in people] == ["qian"]


async def test_a_neighbours_alarm_looks_as_if_it_did_not_exist(street: Any) -> None:
    neighbour, own = street.phone("吴经理"), street.phone("王经理")
    device = await street.uitd("790300000000")
    await device.reports_fire(*TEA_ROOM)
    item = await own.app.expects("2层茶水间")
    alarm, nobody = item["alarm"], uuid.uuid4()
    assert (await own.app.get(f"/alarms/{alarm}")).status_code == 200
    guessed, absent = await neighbour.app.get(f"/alarms/{alarm}"), await neighbour.app.get(f"/alarms/{nobody}")
    assert guessed.status_code == absent.status_code == 404
    assert guessed.json() == absent.json()
    assert guessed.headers["content-type"].startswith("application/problem+json")
    for path, body in (("acknowledgement", None), ("verdict", {"verdict": "false"})):
        tried = await neighbour.app.post(f"/alarms/{alarm}/{path}", body)
        assert tried.status_code == 404
    # the neighbour may have alarms of their own by now: their device has been silent since it was made
    assert alarm not in (await neighbour.app.get("/alarms?which=recent")).text
    assert alarm not in msgspec.json.encode(neighbour.app.items).decode()
    assert not neighbour.telegram.messages("2层茶水间")
    assert (await own.app.get(f"/alarms/{alarm}")).json()["card"].get("known_by", []) == []
