"""The status review: a chat, the phone page and the desk give the same figures, and nobody sees another unit's."""

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from PIL import Image

from backend.alarms.status_chat import STATUS_TALK
from backend.alarms.status_keys import Part, part_of
from backend.alarms.status_review import period_for, review_for
from backend.chat.model import Key, Saying, Speaker
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.errors import NotFound, Refused
from backend.core.ids import DeviceId, new_id
from backend.core.vocabulary import Via
from backend.monitoring.history import KEPT, forget_history
from backend.monitoring.model import AnalogSaid, Level, LinkSaid, StateSaid, Subject
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.registry.importing import import_path
from backend.registry.quantities import quantity
from tests.integration.test_facilities import SAMPLE, hears, part
from tests.integration.test_pages import cookie, house

__all__ = ["house"]
NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
SECOND = "7a0300000000"
COMMANDS = {command.name: command.do for command in STATUS_TALK.commands}


async def tank() -> tuple[str, SimpleNamespace]:
    """A gauge of the sample with limits: its device's address, and its wire key."""
    (row,) = await fetch(
        """select c.*, d.address from components c join devices d on d.id = c.device
           where c.quantity = 2 and c.low is not null order by d.address, c.component_address limit 1"""
    )
    return row["address"], SimpleNamespace(**row)


async def speaker(code: str = "wang", **more: object) -> Speaker:
    person = await person_by_code(code)
    return Speaker(person=person, via=Via.TELEGRAM, chat="100001", language=person.language, **more)


async def says(words: str, who: Speaker | None = None, command: str = "status") -> Saying:
    answer = await COMMANDS[command](who or await speaker(), words)
    assert isinstance(answer, Saying)
    return answer


async def presses(key: Key, who: Speaker | None = None) -> Saying:
    answer = await STATUS_TALK.presses[key.verb](who or await speaker(), key.about, key.argument)
    assert isinstance(answer, Saying)
    return answer


def keys(saying: Saying) -> dict[str, Key]:
    return {key.label.split(" ", 1)[-1]: key for row in saying.keys for key in row}


@pytest.fixture
async def sample(database: str) -> AsyncIterator[StillClock]:
    with clock.use(StillClock(NOON)) as still:
        await import_path(SAMPLE)
        yield still


async def tell_level(reading: int) -> SimpleNamespace:
    address, at = await tank()
    subject = Subject(
        level=Level.COMPONENT,
        system_type=at.system_type,
        system_address=at.system_address,
        component_type=at.component_type,
        component_address=at.component_address,
    )
    value = reading * (at.scale or quantity(2).resolution)
    await hears(AnalogSaid(subject=subject, quantity=2, reading=reading, value=value, measure="m"), address=address)
    return at


async def test_chat_phone_and_desk_show_the_same_figures(house: SimpleNamespace) -> None:
    await hears(StateSaid(subject=part(101, 42), state=0b11))
    await hears(StateSaid(subject=part(103, 23), state=0b101))
    await hears(LinkSaid(is_lost=True, silent_since=clock.now()), address=SECOND)
    review = await review_for(await person_by_code("wang"))
    opened = {severity: count.open for severity, count in review.glance.counts.items()}
    assert opened["fire"] >= 1
    assert opened["offline"] == 1
    assert review.glance.lost == 1
    chat = "\n".join((await says("")).lines)
    phone = (await house.client.get("/m/status", headers=await cookie("wang"))).text
    home = (await house.client.get("/m", headers=await cookie("wang"))).text
    desk = (await house.client.get("/status", headers=await cookie("qian", SessionKind.CONSOLE))).text
    for severity, word in (("fire", "火警"), ("fault", "故障"), ("abnormal", "异常"), ("offline", "离线")):
        assert f"{word} {opened[severity]}" in chat
        for page in (phone, home, desk):
            assert f'data-severity="{severity}" data-count="{opened[severity]}"' in page
    assert "设备在线 1/2" in chat
    assert "失联 1" in chat
    for page in (phone, home, desk):
        assert "失联 1" in page
    today = await period_for(await person_by_code("wang"), "day")
    told = "\n".join((await says("", command="today")).lines)
    assert f"火警 {today.raised['fire']}" in told
    assert f'data-raised="fire" data-count="{today.raised["fire"]}"' in phone
    assert f'data-raised="fire" data-count="{today.raised["fire"]}"' in desk
    offline = "\n".join((await says("", command="offline")).lines)
    assert "2号楼用户信息传输装置" in offline
    assert "2号楼用户信息传输装置" in phone


async def test_a_tanks_level_stands_beside_its_thresholds_everywhere(house: SimpleNamespace) -> None:
    at = await tell_level(120)
    (measure,) = [m for m in (await review_for(await person_by_code("wang"))).measures if m.value.received_at]
    chat = "\n".join((await says("")).lines)
    phone = (await house.client.get("/m/status", headers=await cookie("wang"))).text
    shown = f"{measure.value.value:f}".rstrip("0").rstrip(".")
    for text in (chat, phone):
        assert at.description in text
        assert f"{shown} m" in text


@pytest.mark.parametrize("words", ["2号楼", "2 号楼", "二号楼", "building 2", "2栋", "2", "商业楼"])
async def test_a_building_is_found_however_it_is_written(sample: StillClock, words: str) -> None:
    saying = await says(words)
    assert "2号楼(商业楼)" in saying.lines[0]


async def test_words_lead_down_to_a_component_with_its_value_and_a_picture(sample: StillClock) -> None:
    for minute, reading in enumerate((120, 130, 140, 90)):
        sample.at = NOON + timedelta(minutes=10 * minute)
        at = await tell_level(reading)
    device = DeviceId(at.device)
    saying = await says(f"{'2号楼' if (await tank())[0] == SECOND else '1号楼'} {at.description}")
    assert saying.picture is not None, saying.lines
    assert any("12:30" in line for line in saying.lines)  # the unit's clock
    image = Image.open(io.BytesIO(saying.picture.octets))
    assert (image.format, image.size) == ("PNG", (720, 360))
    back = await presses(saying.keys[-1][-1])
    assert any(key.verb == "st-cmp" and key.about == device for row in back.keys for key in row)
    for row in (*saying.keys, *back.keys):
        for key in row:
            assert len(f"{key.verb}:{key.argument}") + 22 < 64
            assert len(key.argument) <= 10
            assert len(key.verb) <= 12


async def test_the_pictures_pixels_follow_the_values_and_pages_show_the_same_picture(house: SimpleNamespace) -> None:
    async def picture() -> bytes:
        at = await tell_level(level)
        key = Part(system=(at.system_type, at.system_address), component=at.component_address, quantity=2)
        saying = await STATUS_TALK.presses["st-cmp"](await speaker(), at.device, key.packed())
        assert isinstance(saying, Saying)
        assert saying.picture
        return saying.picture.octets

    with clock.use(StillClock(clock.now())) as still:
        level = 120
        first = await picture()
        assert first == await picture()
        still.advance(timedelta(minutes=30))
        level = 60
        second = await picture()
        _, at = await tank()
        asked = {"system": f"{at.system_type}.{at.system_address}", "component": at.component_address, "quantity": 2}
        page = await house.client.get(f"/m/facilities/{at.device}/chart", params=asked, headers=await cookie("wang"))
    assert first != second
    assert Image.open(io.BytesIO(first)).tobytes() != Image.open(io.BytesIO(second)).tobytes()
    assert page.headers["content-type"] == "image/png"
    assert page.content == second


async def test_ambiguous_words_are_keys_and_unknown_ones_tell_what_there_is(sample: StillClock) -> None:
    several = await says("感烟")
    found = keys(several)
    assert len(found) >= 2
    assert all(key.verb == "st-cmp" for key in found.values())
    assert (await presses(next(iter(found.values())))).lines
    nothing = await says("9号楼 游泳池")
    assert "没有找到" in nothing.lines[0]
    assert any("1号楼" in label for label in keys(nothing))


async def test_a_person_of_another_unit_sees_nothing_of_this_one(sample: StillClock) -> None:
    await hears(StateSaid(subject=part(101, 42), state=0b11))
    at = await tell_level(120)
    (unit,) = await fetch("select id from units")
    other, stranger = new_id(), new_id()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, 'x', '别家', '', 'Asia/Tokyo', $2)""",
        other, clock.now(),
    )  # fmt: skip
    await execute(
        """insert into people (id, code, name, phone, language, is_active, created_at)
           values ($1, 'outsider', '外人', '', 'zh_CN', true, $2)""",
        stranger, clock.now(),
    )  # fmt: skip
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, 'unit_manager', $3, $4)",
        new_id(), stranger, other, clock.now(),
    )  # fmt: skip
    outsider = await speaker("outsider")
    text = "\n".join((await says("", outsider)).lines)
    assert "别家" in text
    assert "火警 0" in text
    assert at.description not in text
    assert "还没有登记设施" in (await says("1号楼", outsider)).lines[0]
    assert "没有离线" in (await says("", outsider, "offline")).lines[0]
    system = Part(system=(at.system_type, at.system_address))
    component = Part(system=system.system, component=at.component_address, quantity=2)
    (building,) = await fetch("select id from buildings order by code limit 1")
    for verb, about, argument in (
        ("st", unit["id"], ""), ("st-off", unit["id"], ""), ("st-mask", unit["id"], ""), ("st-day", unit["id"], ""),
        ("st-bld", building["id"], ""), ("st-dev", at.device, ""), ("st-sys", at.device, system.packed()),
        ("st-cmp", at.device, component.packed()),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await STATUS_TALK.presses[verb](outsider, about, argument)
    group = await speaker("qian", group_unit=other, is_group=True)
    with pytest.raises(NotFound):
        await STATUS_TALK.presses["st"](group, unit["id"], "")
    with pytest.raises(NotFound):
        await STATUS_TALK.presses["st-sys"](group, at.device, system.packed())


@pytest.mark.parametrize("argument", ["", "x", "AAAA", "!!!!", "AAAAAAAAAAAAAAAA", "é"])
async def test_a_key_of_nonsense_finds_nothing(sample: StillClock, argument: str) -> None:
    (device,) = await fetch("select id from devices order by address limit 1")
    for verb in ("st-sys", "st-cmp"):
        with pytest.raises(Refused):
            await STATUS_TALK.presses[verb](await speaker(), device["id"], argument)
        with pytest.raises(Refused):
            await STATUS_TALK.presses[verb](await speaker(), None, argument)


async def test_a_minute_keeps_its_extremes_and_a_week_is_all_that_is_kept(sample: StillClock) -> None:
    for reading in (120, 40, 200, 110):
        at = await tell_level(reading)
    (row,) = await fetch("select value, low, high from analog_history where device = $1", at.device)
    assert row["low"] < row["value"] < row["high"]
    sample.advance(KEPT - timedelta(minutes=1))
    await tell_level(100)
    assert await forget_history() == 0
    sample.advance(timedelta(minutes=2))
    assert await forget_history() == 1
    assert len(await fetch("select 1 from analog_history")) == 1


async def test_someone_over_many_units_is_asked_which_one_is_meant(sample: StillClock) -> None:
    for number in range(6):
        await execute(
            """insert into units (id, code, name, address, timezone, created_at)
               values ($1, $2, $3, '', 'Asia/Tokyo', $4)""",
            new_id(), f"n{number}", f"第{number}厂", clock.now(),
        )  # fmt: skip
    qian = await speaker("qian")
    for number in range(6, 14):
        await execute(
            """insert into units (id, code, name, address, timezone, created_at)
               values ($1, $2, $3, '', 'Asia/Tokyo', $4)""",
            new_id(), f"n{number}", f"第{number}厂", clock.now(),
        )  # fmt: skip
    assert "只列出前 12 处" in (await says("", qian)).lines[-1]
    asked = await says("水箱", qian)
    assert "哪个单位" in asked.lines[0]
    named = await says("烽火示范大厦 2号楼", qian)
    assert "2号楼" in named.lines[0]


async def test_who_sees_no_unit_is_not_told_that_all_is_well(sample: StillClock) -> None:
    await hears(StateSaid(subject=part(101, 42), state=0b11))
    handler = new_id()
    await execute(
        """insert into people (id, code, name, phone, language, is_active, created_at)
           values ($1, 'shouli', '李受理', '', 'zh_CN', true, $2)""",
        handler, sample.now(),
    )  # fmt: skip
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, 'complaint_handler', null, $3)",
        new_id(), handler, sample.now(),
    )  # fmt: skip
    for command in COMMANDS.values():
        with pytest.raises(Refused, match="没有任何单位"):
            await command(await speaker("shouli"), "")


async def test_a_building_that_has_no_device_of_its_own_says_what_is_watched_there(sample: StillClock) -> None:
    (unit,) = await fetch("select id, name from units")
    empty, served, zone = new_id(), new_id(), new_id()
    for building, code, name in ((empty, "b8", "8号楼"), (served, "b9", "9号楼")):
        await execute(
            "insert into buildings (id, unit, code, name, address) values ($1, $2, $3, $4, '')",
            building, unit["id"], code, name,
        )  # fmt: skip
    await execute(
        "insert into zones (id, building, code, name, floor) values ($1, $2, 'z9', '门厅', '1层')", zone, served
    )
    at = await tell_level(120)
    await execute(
        "update components set zone = $1 where device = $2 and component_address = $3",
        zone, at.device, at.component_address,
    )  # fmt: skip
    overview = keys(await says(""))
    nothing = await presses(overview["8号楼"])
    assert nothing.lines[0] == f"{unit['name']} · 8号楼"
    assert "没有登记" in nothing.lines[1]
    assert nothing.in_place
    assert any(key.verb == "st" for row in nothing.keys for key in row), "there is a way back"
    there = await presses(overview["9号楼"])
    assert there.lines[0] == f"{unit['name']} · 9号楼"
    assert there.keys[0][0].verb == "st-cmp"
    assert sample.now()


async def test_a_building_with_a_hundred_systems_is_still_drawn_the_troubled_first(sample: StillClock) -> None:
    (device,) = await fetch("select id, building from devices order by address limit 1")
    for number in range(120):
        await execute(
            """insert into facility_systems (id, device, system_type, system_address, name)
               values ($1, $2, 200, $3, $4)""",
            new_id(), device["id"], number, f"系统{number}",
        )  # fmt: skip
    await hears(StateSaid(subject=part(101, 42), state=0b11))
    shown = await STATUS_TALK.presses["st-bld"](await speaker(), device["building"], "")
    assert isinstance(shown, Saying)
    buttons = [key for row in shown.keys for key in row]
    assert len(buttons) <= 100, "Telegram draws no more"
    assert "🔥" in buttons[0].label
    assert any("只列出" in line for line in shown.lines)
    assert sample.now()


def test_an_argument_is_read_back_as_it_was_packed() -> None:
    for each in (
        Part(system=(255, 255), page=65535),
        Part(system=(1, 2), component="ff000001"),
        Part(system=(0, 0), component="00000000", quantity=255),
    ):
        assert part_of(each.packed()) == each
        assert len(each.packed()) <= 10
