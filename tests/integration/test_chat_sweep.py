"""Every key of every talk with ids of another unit, and every command in both languages, through the real bot.

The rule: what is another unit's looks as if it did not exist: the same words as for an id that nobody has, nothing
told, nothing changed; and nobody is met with silence or with a bug.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.masks.service import ask as ask_mask
from backend.chat.model import Command, Talk
from backend.complaints.filing import Filing, file
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId, PersonId, UnitId, new_id
from backend.core.vocabulary import ComplaintKind, Via
from backend.demo.carriers.telegram import BotApiServer, serve
from backend.demo.carriers.telegram.actor import Person
from backend.duty import checks, handovers
from backend.monitoring.model import StateSaid
from backend.people.queries import person
from backend.talks import TALKS
from backend.work_orders.opening import open_from_alarm
from bots.telegram.presses import BackPress, Press, SurePress, TalkPress
from tests.integration.chatting import FAILURE, TOKEN, Phone, bot_process, carry, changes, everything, link
from tests.integration.test_masks import FAULT, FIRE, PUMP, SMOKE, points, scope_of
from tests.integration.test_telegram_bot import eventually
from tests.patience import PATIENCE_S

__all__ = ["points"]
Add = Callable[..., Awaitable[UUID]]
WU = Person(id=2001, first_name="吴")
NEIGHBOUR = Person(id=2002, first_name="吴")
#: none of these may be read by somebody of another unit
SECRETS = (
    "示范大厦",
    "1号楼",
    "走廊感烟",
    "1号喷淋泵",
    "五层",
    "王经理",
    "赵维保",
    "周值班",
    "没有打电话",
    "TS-",
    "检修中",
)
#: keys whose answer has nothing to do with what they name: they are of the presser alone
OWN_VERBS = frozenset({"a-all", "dg-off"})
TALK_NAMES = [each.concept for each in TALKS]
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture
async def carrier() -> BotApiServer:
    return BotApiServer(TOKEN)


@pytest.fixture
async def base(carrier: BotApiServer) -> AsyncIterator[str]:
    async with serve(carrier) as address:
        yield address


@pytest.fixture
async def leaver(points: dict[str, UUID], add_person: Add) -> UUID:
    """Somebody who is told of everything: manager and maintainer of the unit, and a complaint handler."""
    one = await add_person("leaver", "离职者", "unit_manager", points["unit"], telegram=str(WU.id))
    for role, unit in (("maintainer", points["unit"]), ("complaint_handler", None)):
        await execute(
            "insert into grants (id, person, role, unit, granted_at) values ($1, $2, $3, $4, now())",
            new_id(), one, role, unit,
        )  # fmt: skip
    return one


@pytest.fixture
async def theirs(points: dict[str, UUID], leaver: UUID, door: Any, add_person: Add) -> dict[str, UUID]:
    """All a unit can have that a key can name: by kind, its id."""
    assert leaver
    unit, wang = UnitId(points["unit"]), await person(PersonId(points["manager"]))
    zhao = await person(PersonId(await add_person("zhao", "赵维保", "maintainer", unit, app="zhao")))
    qian = await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None, app="qian")))
    await add_person("zhou", "周值班", "unit_duty", unit, app="zhou")
    await add_person("shou", "李受理", "complaint_handler", None, app="shou")
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    (row,) = await fetch("select id from alarms")
    alarm = AlarmId(row["id"])
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    (row,) = await fetch("select id from alarms where id <> $1", alarm)
    order, _ = await open_from_alarm(wang, AlarmId(row["id"]), Via.PHONE, "泵不转")
    mask = await ask_mask(zhao, scope_of(points, PUMP), "检修中", clock.now() + timedelta(hours=2), Via.PHONE)
    filing = Filing(unit=unit, kind=ComplaintKind.ALARM, text="火警没有打电话", about=alarm)
    complaint = await file(wang, filing, Via.TELEGRAM)
    handover = await handovers.begin(wang, unit, Via.PHONE)
    check = await checks.ask(qian, unit, timedelta(minutes=10), "", Via.CONSOLE)
    async with asyncio.timeout(PATIENCE_S):  # the front door stamps when they were durable after its commit
        while await fetch("select 1 from notices where kind = 'raised' and t2 is null"):
            await asyncio.sleep(0.01)
    (building,) = await fetch("select id from buildings")
    # the front door stamps t2 after its commit, a moment later: nothing of that is a key's doing
    await eventually("select 1 from notices having bool_and(t2 is not null)")
    return {
        "alarm": alarm,
        "order": order.id,
        "mask": mask.id,
        "complaint": complaint.id,
        "handover": handover.id,
        "check": check.id,
        "unit": unit,
        "building": building["id"],
        "device": points["device"],
        "person": wang.id,
    }


@pytest.fixture
async def wu(carrier: BotApiServer, theirs: dict[str, UUID], add_person: Add) -> Phone:
    """吴经理: manager and maintainer of the neighbouring unit, with every right there and none here."""
    assert theirs
    other = new_id()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, 'u2', 'Mall', '', 'Asia/Shanghai', now())""",
        other,
    )
    person_id = await add_person("wu", "吴经理", "unit_manager", other)
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, 'maintainer', $3, now())",
        new_id(), person_id, other,
    )  # fmt: skip
    return await link(carrier, person_id, NEIGHBOUR)


def _keys(talk: Talk, about: UUID) -> list[str]:
    """All a key of this talk can carry about an id: each layout that cards ever had, and arguments they have."""
    arguments = {"dc-ask": "10", "c-rate": "2", "undo": "ack", "dg-day": "0800", "dg-week": "0800", "st-cmp": "1.1"}
    data = [
        TalkPress(verb=str(verb), about=about, argument=arguments.get(str(verb), "")).pack() for verb in talk.presses
    ]
    if talk.concept == "alarms":
        answers = ("ack", "v-real", "v-false", "v-test", "v-fault", "history")
        data += [Press(verb=verb, alarm=about).pack() for verb in answers]  # type: ignore[arg-type]
        data += [SurePress(verb="v-real", alarm=about).pack(), BackPress(alarm=about).pack()]  # type: ignore[arg-type]
        data += [TalkPress(verb="v-real", about=about, argument="sure").pack()]
    return data


@pytest.mark.parametrize("concept", TALK_NAMES)
async def test_a_key_with_another_units_id_tells_nothing_and_changes_nothing(
    concept: str, carrier: BotApiServer, base: str, theirs: dict[str, UUID], wu: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    (talk,) = [each for each in TALKS if each.concept == concept]
    assert carrier
    nobody = new_id()
    caplog.set_level(logging.ERROR)
    async with bot_process(base):
        await wu.says("/help")  # something that the keys hang under
        as_if_absent = {key.replace(nobody.hex, ""): await wu.presses(key) for key in _keys(talk, nobody)}
        before = await everything()
        for kind, one in theirs.items():
            for key in _keys(talk, one):
                said = await wu.presses(key)
                asked = f"{key} ({kind})"
                assert said.strip(), f"silence at {asked}"
                assert FAILURE not in said, asked
                assert not [secret for secret in SECRETS if secret in said], f"{asked}: {said}"
                assert said == as_if_absent[key.replace(one.hex, "")], f"{asked} is not answered as what is not there"
        after = await everything()
    assert changes(before, after) == {}
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
    begun = {key: said for key, said in as_if_absent.items() if key.split(":")[1] not in OWN_VERBS and "取消" in said}
    assert begun == {}
    assert await fetch("select dialogue from chat_drafts") == [], "a key with a stranger's id begins no dialogue"


async def test_a_reply_to_a_card_of_who_has_no_right_any_more_is_refused(
    carrier: BotApiServer, base: str, leaver: UUID, theirs: dict[str, UUID]
) -> None:
    """They hold the cards of their former unit for ever; neither a reply nor a key under them does anything."""
    phone = await link(carrier, leaver, WU)
    await carry(base)
    cards = [each for each in phone.messages() if each.buttons]
    for what in ("火警", "工单", "投诉"):
        assert any(what in card.text for card in cards), what
    await execute("delete from grants where person = $1", leaver)
    async with bot_process(base):
        before = await everything()
        for card in cards:
            said = "\n".join(await phone.says("我来看看", reply_to=card.message_id))
            assert not [secret for secret in SECRETS if secret in said], said
            assert "没有" in said, said
            for key in (key for row in card.buttons for key in row):
                popped = await phone.popped_by(
                    carrier.act.press(phone.chat, card.message_id, callback_data=key.callback_data)
                )
                assert "没有" in popped, f"{key.text}: {popped}"
        assert changes(before, await everything()) == {}
    assert theirs


def _asked(command: Command) -> list[str]:
    return [f"/{command.name}", *command.words]


@pytest.mark.parametrize("language", ["zh_CN", "en"])
@pytest.mark.parametrize("role", ["unit_manager", "maintainer", "unit_duty", "provider_operator", "complaint_handler"])
async def test_every_command_and_word_is_answered_in_the_persons_language(
    role: str, language: str, carrier: BotApiServer, base: str, add_person: Add, database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    assert database
    unit = new_id()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, 'u', 'Tower', '', 'Asia/Shanghai', now())""",
        unit,
    )
    where = None if role.startswith(("provider", "complaint")) else unit
    one = await add_person("one", "Ann", role, where)
    await execute("update people set language = $1 where id = $2", language, one)
    phone = await link(carrier, one, WU)
    caplog.set_level(logging.ERROR)
    async with bot_process(base):
        for command in (each for talk in TALKS for each in talk.commands):
            for words in _asked(command):
                said = "\n".join(await phone.says(words))
                assert said.strip()
                assert FAILURE not in said
                if language == "en":
                    assert not CHINESE.search(said), f"{words}: {said}"
                keys = [key.text for row in phone.messages()[-1].buttons for key in row]
                assert language != "en" or not [key for key in keys if CHINESE.search(key)], f"{words}: {keys}"
                if "Cancel" in keys or "取消" in keys:
                    await phone.says("/cancel")
        for words in ("/help", "帮助", "help", "hello there", "/nonsense"):
            said = "\n".join(await phone.says(words))
            assert "/help" in said
            assert "•" in said
            assert language != "en" or not CHINESE.search(said.replace("：", "")), said
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
