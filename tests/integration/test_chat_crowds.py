"""Many of everything in a chat: colleagues, units and alarms beyond what one keyboard or one act holds."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.colleagues import MOST_TOGETHER
from backend.alarms.queries import alarm_for
from backend.chat.model import Speaker
from backend.chat.service import Conversation
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId, PersonId, UnitId, new_id
from backend.core.vocabulary import Role, Via
from backend.monitoring.model import StateSaid
from backend.people import queries as people
from backend.people.model import Person
from backend.people.service import revoke
from backend.talks import TALKS
from tests.integration.test_chat_alarms import Chat, fire, li, smoke, wang

__all__ = ["fire", "li", "wang"]
Add = Callable[..., Awaitable[UUID]]
FAULT = 1 << 2


@pytest.fixture
async def crowd(unit: dict[str, UUID], add_person: Add) -> None:
    """Fifteen people on duty, and one of the provider's who may not acknowledge."""
    for number in range(15):
        await add_person(f"a{number:02}", f"值班{number:02}", "unit_duty", unit["unit"])
    await add_person("shou", "李受理", "complaint_handler", None)


@pytest.mark.usefixtures("crowd")
async def test_a_colleague_beyond_the_first_keys_is_found_by_name(fire: AlarmId, wang: Person) -> None:
    chat = Chat(wang)
    asked = await chat.press("a-for", fire)
    assert "直接写姓名" in asked
    assert "没有这位同事" in await chat.write("张三")
    assert "值班1" not in await chat.write("值班0")
    assert "请写明理由" in await chat.write("值班14")
    assert "已代 值班14 记录" in await chat.write("电话告知")
    assert [each.name for each in (await alarm_for(wang, fire)).known_by] == ["值班14"]


@pytest.mark.usefixtures("crowd")
async def test_only_who_may_acknowledge_is_offered_as_a_colleague(fire: AlarmId, wang: Person) -> None:
    chat = Chat(wang)
    await chat.press("a-for", fire)
    assert "没有这位同事" in await chat.write("李受理")


async def test_no_more_are_asked_for_together_than_one_act_takes(door: Any, wang: Person) -> None:
    for number in range(3):
        await door.hears(StateSaid(subject=smoke(number), state=FAULT))
    rows = await fetch("select * from alarms order by number limit 1")
    columns = [name for name in rows[0] if name not in {"id", "number", "subject"}]
    listed = ", ".join(f'"{name}"' for name in columns)
    await execute(
        f"""insert into alarms (id, number, subject, {listed})
            select gen_random_uuid(), 1000 + n, 's/' || n, {listed} from alarms, generate_series(1, 120) as n
            where number = 1"""
    )
    chat = Chat(wang)
    await chat.write("报警")
    assert f"{MOST_TOGETHER} 条报警" in await chat.tap("一并确认")
    assert f"已确认 {MOST_TOGETHER} 条" in await chat.write("同一施工引起")
    assert f"{len(await fetch('select 1 from alarms')) - MOST_TOGETHER} 条报警" in await chat.write("一并确认")


async def test_an_alarm_that_is_no_longer_theirs_holds_up_none_of_the_others(
    door: Any, unit: dict[str, UUID], add_person: Add
) -> None:
    other = new_id()
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1,'u2','别家','','UTC',$2)",
        other, clock.now(),
    )  # fmt: skip
    both = PersonId(await add_person("shuang", "双岗", "unit_duty", unit["unit"], app="shuang"))
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, 'unit_duty', $3, $4)",
        new_id(), both, other, clock.now(),
    )  # fmt: skip
    for number in range(3):
        await door.hears(StateSaid(subject=smoke(number), state=FAULT))
    await execute("update alarms set unit = $1 where number = 1", other)
    chat = Chat(await people.person(both))
    await chat.write("报警")
    assert "3 条报警" in await chat.tap("一并确认 3 条")
    await revoke(both, Role.UNIT_DUTY, UnitId(other))
    chat.speaker = Speaker(person=await people.person(both), via=Via.TELEGRAM, chat=str(both))
    assert "已确认 2 条" in await chat.write("施工")


async def test_a_group_is_told_of_its_own_alarm_while_hundreds_stand_elsewhere(
    door: Any, unit: dict[str, UUID], add_person: Add
) -> None:
    await door.hears(StateSaid(subject=smoke(1), state=FAULT))
    (own,) = await fetch("select * from alarms")
    columns = [name for name in own if name not in {"id", "number", "subject", "unit", "raised_at"}]
    listed = ", ".join(f'"{name}"' for name in columns)
    other = new_id()
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1,'u2','别家','','UTC',$2)",
        other, clock.now(),
    )  # fmt: skip
    await execute(
        f"""insert into alarms (id, number, subject, unit, raised_at, {listed})
            select gen_random_uuid(), 1000 + n, 's/' || n, $1, raised_at - interval '1 hour', {listed}
            from alarms, generate_series(1, 220) as n where number = $2""",
        other, own["number"],
    )  # fmt: skip
    desk = await people.person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None)))
    group = Chat(desk, is_group=True, group_unit=unit["unit"])
    assert "当前报警 1 条" in await group.write("/alarms")


async def test_a_unit_beyond_the_first_keys_is_named_to_mask_something_in_it(
    unit: dict[str, UUID], add_person: Add
) -> None:
    for number in range(14):
        await execute(
            """insert into units (id, code, name, address, timezone, created_at)
               values ($1, $2, $3, '', 'Asia/Shanghai', $4)""",
            new_id(), f"n{number:02}", f"第{number}厂", clock.now(),
        )  # fmt: skip
    assert unit
    chat = Chat(await people.person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None))))
    chat.conversation = Conversation(TALKS)
    assert "直接写单位名称" in await chat.write("申请屏蔽")
    assert "没有这个单位" in await chat.write("动物园")
    assert "要屏蔽什么" in await chat.write("示范大厦")


async def test_a_unit_that_came_meanwhile_moves_no_key_to_another(unit: dict[str, UUID], add_person: Add) -> None:
    async def add(code: str, name: str) -> None:
        await execute(
            """insert into units (id, code, name, address, timezone, created_at)
               values ($1, $2, $3, '', 'Asia/Shanghai', $4)""",
            new_id(), code, name, clock.now(),
        )  # fmt: skip

    await add("v", "后厂")
    chat = Chat(await people.person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None))))
    chat.conversation = Conversation(TALKS)
    await chat.write("申请屏蔽")
    await add("a", "前厂")
    await chat.tap("示范大厦")
    (draft,) = await fetch("select answers ->> 'unit' as unit from chat_drafts")
    assert draft["unit"] == str(unit["unit"])


async def test_a_number_or_words_after_the_command_find_the_alarm(door: Any, wang: Person) -> None:
    for number in range(3):
        await door.hears(StateSaid(subject=smoke(number), state=FAULT))
    chat = Chat(wang)
    every = await chat.write("报警")
    assert "当前报警 3 条" in every
    for asked in ("报警 2", "报警 #2", "/alarms 2"):
        one = await chat.write(asked)
        assert "📜 #2 " in one
        assert "#1 " not in one
    assert "当前报警 3 条" in await chat.write("报警 故障")
    await execute(
        """update alarms set cleared_at = raised_at, closed_at = raised_at, verdict = 'test'
           where number = 3"""
    )
    assert "📜 #3 " in await chat.write("报警 3")
    none = await chat.write("报警 999")
    assert none.startswith("没有找到“999”")
    assert "当前报警 2 条" in none
    assert (await chat.write("报警 月球")).startswith("当前报警 2 条")
