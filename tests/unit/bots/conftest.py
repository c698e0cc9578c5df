"""A house of fakes and a Telegram that only records: handlers, filters and middlewares run for real."""

import itertools
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.base import BaseSession
from aiogram.exceptions import TelegramBadRequest
from aiogram.methods import TelegramMethod
from aiogram.types import Update, User

from backend.alarms import chat as chat_of_alarms
from backend.alarms import chat_dialogues
from backend.alarms.chat import ALARMS
from backend.alarms.model import Acknowledged, Alarm, HistoryLine, Known, NoSuchAlarm
from backend.chat.service import Conversation
from backend.core.errors import NotFound
from backend.core.i18n import LANGUAGES
from backend.core.ids import AlarmId, DeviceId, NoticeId, PersonId, UnitId
from backend.core.vocabulary import AlarmClass, Channel, Role, Severity, Verdict, Via
from backend.delivery.model import Action, Card, Fact, Verb
from backend.monitoring.changes import Place
from backend.people.groups import UnitChoice
from backend.people.model import CodeNotValid, Grant, Person, Right
from bots.telegram.app import build_dispatcher
from bots.telegram.house import OFFERS
from bots.telegram.use_cases import UseCases
from tests.unit.chat.conftest import MemoryDrafts

ALARM = AlarmId(UUID("019a0000-0000-7000-8000-000000000001"))
UNIT = UnitId(UUID("019a0000-0000-7000-8000-0000000000aa"))
RAISED = datetime(2026, 11, 22, 14, 3, 22, tzinfo=datetime.fromisoformat("2026-11-22T00:00:00+08:00").tzinfo)
AT = datetime(2026, 11, 22, 6, 3, 22, tzinfo=UTC)
WANG, STRANGER, ENGLISH, LEAD = 1001, 2002, 3003, 4004


def a_person(number: int, name: str, language: str, role: Role) -> Person:
    return Person(
        id=PersonId(UUID(int=number)),
        code=f"p{number}",
        name=name,
        language=language,
        grants=(Grant(role, UNIT),),
    )


def a_card(**changes: Any) -> Card:
    card = Card(
        alarm=ALARM,
        number=12,
        severity=Severity.FIRE,
        icon="🔥",
        headline="火警",
        status="报警中",
        is_active=True,
        unit="示范大厦",
        where="2号楼 5层 走廊 感烟0123",
        what="点型光电感烟火灾探测器",
        facts=(Fact("接收时间", "2026-11-22 14:03:22"),),
        actions=(
            Action(Verb.ACKNOWLEDGE, "确认", "primary"),
            Action(Verb.VERDICT_REAL, "真实火警", "danger"),
            Action(Verb.VERDICT_FALSE, "误报"),
            Action(Verb.HISTORY, "查看记录"),
        ),
        raised_at=RAISED,
    )
    return msgspec.structs.replace(card, **changes)


def an_alarm(**changes: Any) -> Alarm:
    place = Place(
        unit_name="示范大厦", building="2号楼", floor="5层", description="走廊 感烟0123", device_name="1号传输装置"
    )
    alarm = Alarm(
        id=ALARM, number=12, unit=UNIT, device=DeviceId(UUID(int=1)), subject="s", condition="fire", rule="F-1",
        alarm_class=AlarmClass.F, severity=Severity.FIRE, title="火灾报警", place=place, facts=(), marks=(),
        raised_at=RAISED, device_time=None, repeats=0, revision=1,
    )  # fmt: skip
    return msgspec.structs.replace(alarm, **changes)


class House:
    """The house as the bot sees it, with people and one alarm."""

    def __init__(self) -> None:
        self.people = {
            str(WANG): a_person(1, "王经理", "zh_CN", Role.UNIT_MANAGER),
            str(ENGLISH): a_person(2, "Ann", "en", Role.MAINTAINER),
            str(LEAD): a_person(3, "质量", "zh_CN", Role.QUALITY_LEAD),
        }
        self.codes = {"good-code_1": a_person(9, "新人", "zh_CN", Role.UNIT_DUTY)}
        self.known: list[Known] = []
        self.verdicts: list[tuple[str, Verdict, Via]] = []
        self.notes: list[str] = []
        self.failing: dict[str, str] = {}
        self.contacts_that_work: list[tuple[str, NoticeId]] = []
        self.alarms = [an_alarm()]
        self.lines = ["报警产生"]
        self.undone: list[tuple[str, Via]] = []
        self.voided: list[str] = []
        self.strangers: list[tuple[str, str, str]] = []
        self.hanging: dict[tuple[int, int], tuple[str, UUID]] = {}
        self.groups: dict[str, UnitId] = {}
        self.topics: dict[str, str] = {}
        self.marked: list[tuple[str, bool]] = []
        self.units = [UnitChoice(UNIT, "u1", "示范大厦")]
        self.breaks_with: Exception | None = None
        self.at = datetime(2026, 11, 22, 6, 3, 40, tzinfo=UTC)

    async def person_of_chat(self, channel: Channel, account: str) -> Person | None:
        assert channel is Channel.TELEGRAM
        return self.people.get(account)

    async def link_chat(self, code: str, channel: Channel, account: str, chat: str) -> Person:
        assert (channel, account) == (Channel.TELEGRAM, chat)
        if code not in self.codes:
            raise CodeNotValid("验证码无效或已过期,请重新获取")
        self.people[account] = self.codes.pop(code)
        return self.people[account]

    async def void_code(self, code: str) -> bool:
        """It was not used; that it is void from now on is the database's affair."""
        self.voided.append(code)
        return code in self.codes

    async def unlink_chat(self, channel: Channel, account: str) -> None:
        assert channel is Channel.TELEGRAM
        del self.people[account]

    async def mark_contact_failing(self, channel: Channel, address: str, reason: str) -> None:
        assert channel is Channel.TELEGRAM
        self.failing[address] = reason

    async def mark_contact_well(self, channel: Channel, address: str) -> None:
        assert channel is Channel.TELEGRAM
        self.failing.pop(address, None)

    async def acknowledge(self, person: Person, alarm: AlarmId, via: Via) -> Acknowledged:
        self._must_work(alarm)
        mine = next((each for each in self.known if each.person == person.id), None)
        if is_new := mine is None:
            mine = Known(person=person.id, name=person.name, via=via, at=self.at)
            self.known.append(mine)
            self.at += timedelta(seconds=5)
        assert mine is not None
        return Acknowledged(
            alarm=alarm,
            number=12,
            is_new=is_new,
            at=mine.at,
            via=mine.via,
            is_late=False,
            timezone="Asia/Shanghai",
            known_by=tuple(self.known),
        )

    async def contact_works(self, person: Person, notice: NoticeId) -> bool:
        self.contacts_that_work.append((person.name, notice))
        return True

    async def judge(
        self, person: Person, alarm: AlarmId, verdict: Verdict, via: Via, note: str = "", evidence: object = ()
    ) -> None:
        assert evidence is not None
        self._must_work(alarm)
        self.notes.append(note)
        self.verdicts.append((person.name, verdict, via))

    async def alarm_for(self, person: Person, alarm: AlarmId) -> Alarm:
        assert person
        self._must_work(alarm)
        return self.alarms[0]

    async def alarms_for(self, person: Person, which: str, limit: int, unit: UnitId | None = None) -> list[Alarm]:
        assert person
        assert which == "active"
        return [each for each in self.alarms if unit in {None, each.unit}][:limit]

    async def history_for(self, person: Person, alarm: AlarmId, language: str) -> list[HistoryLine]:
        assert language in LANGUAGES, person
        self._must_work(alarm)
        return [HistoryLine(at=AT, text=text) for text in self.lines]

    async def undo(self, person: Person, alarm: AlarmId, via: Via) -> None:
        self._must_work(alarm)
        self.undone.append((person.name, via))

    async def undo_link(self, channel: Channel, account: str, within: timedelta) -> bool:
        assert channel is Channel.TELEGRAM
        assert within == timedelta(minutes=10)
        return self.people.pop(account, None) is not None

    async def record_stranger(self, account: str, chat: str, press: str) -> None:
        self.strangers.append((account, chat, press))

    async def card_at(self, chat: int, message: int) -> tuple[str, UUID] | None:
        return self.hanging.get((chat, message))

    async def group_unit(self, chat: str) -> UnitId | None:
        return self.groups.get(chat)

    async def units_to_bind(self, person: Person, words: str) -> list[UnitChoice]:
        may = person.may_anywhere(Right.BIND_GROUP)
        return [each for each in self.units if may and words in each.name]

    async def bind_group(self, person: Person, unit: UnitId, chat: str, topic: str, title: str) -> None:
        assert person
        assert title
        self.groups[chat] = unit
        self.topics[chat] = topic

    async def unbind_group(self, person: Person, chat: str) -> None:
        assert person
        if self.groups.pop(chat, None) is None:
            raise NotFound("此群没有绑定联网单位")

    async def mark_group(self, chat: str, is_well: bool) -> None:
        self.marked.append((chat, is_well))

    async def group_moved(self, before: str, after: str) -> None:
        self.groups[after] = self.groups.pop(before)

    def _must_work(self, alarm: AlarmId) -> None:
        if self.breaks_with is not None:
            raise self.breaks_with
        if alarm != ALARM:
            raise NoSuchAlarm("没有这条报警")

    def use_cases(self) -> UseCases:
        calls = {name: getattr(self, name) for name in UseCases.__struct_fields__ if name != "conversation"}
        return UseCases(conversation=Conversation((ALARMS,), MemoryDrafts(), offers=OFFERS), **calls)

    def stand_in(self, patch: pytest.MonkeyPatch) -> None:
        """Stand in for the use cases that the talk about alarms calls."""
        for name in ("acknowledge", "judge", "alarm_for", "alarms_for", "history_for"):
            patch.setattr(chat_of_alarms, name, getattr(self, name))
        for name in ("undo_acknowledgement", "undo_verdict"):
            patch.setattr(chat_of_alarms, name, self.undo)
        for name in ("judge", "alarm_for"):
            patch.setattr(chat_dialogues, name, getattr(self, name))


class RecordingSession(BaseSession):
    """Answers every request as told, and remembers them."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Any] = []
        self.failures: dict[str, Exception] = {}
        self.answers: dict[str, Any] = {
            "getMe": User(id=42, is_bot=True, first_name="烽火", username="some_bot"),
        }

    async def close(self) -> None:
        pass

    async def make_request(self, _bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:  # noqa: ARG002 - aiogram's signature
        self.requests.append(method)
        if method.__api_method__ in self.failures:
            raise self.failures[method.__api_method__]
        return self.answers.get(method.__api_method__, True)

    async def stream_content(self, *_: Any, **__: Any) -> AsyncGenerator[bytes, None]:
        yield b""

    def refuse(self, api_method: str, sentence: str) -> None:
        self.failures[api_method] = TelegramBadRequest(method=None, message=f"Bad Request: {sentence}")  # type: ignore[arg-type]

    def named(self, api_method: str) -> list[Any]:
        return [each for each in self.requests if each.__api_method__ == api_method]


class Phone:
    """Somebody's Telegram: makes updates, and shows what came back."""

    WANG, STRANGER, ENGLISH, LEAD = WANG, STRANGER, ENGLISH, LEAD

    _updates = itertools.count(1)

    def __init__(self, house: House, session: RecordingSession, bot: Bot) -> None:
        self.house = house
        self.session = session
        self.bot = bot
        self.dispatcher: Dispatcher = build_dispatcher(house.use_cases())

    async def feed(self, body: dict[str, Any]) -> Any:
        raw = {"update_id": next(self._updates), **body}
        return await self.dispatcher.feed_update(self.bot, Update.model_validate(raw, context={"bot": self.bot}))

    @staticmethod
    def user(account: int, **more: Any) -> dict[str, Any]:
        return {"id": account, "is_bot": False, "first_name": "王伟", "language_code": "zh-hans", **more}

    def message(self, account: int, text: str | None, chat: dict[str, Any] | None = None) -> dict[str, Any]:
        return {
            "message_id": 5,
            "date": 1_700_000_000,
            "chat": chat or {"id": account, "type": "private"},
            "from": self.user(account, username="wangwei"),
            **({"text": text} if text else {"sticker": STICKER}),
        }

    async def writes(self, account: int, text: str | None, chat: dict[str, Any] | None = None) -> list[str]:
        before = len(self.session.requests)
        await self.feed({"message": self.message(account, text, chat)})
        return [each.text for each in self.session.requests[before:] if each.__api_method__ == "sendMessage"]

    async def presses(
        self,
        account: int,
        callback_data: str,
        *,
        is_old: bool = False,
        chat: dict[str, Any] | None = None,
        **user: Any,
    ) -> tuple[str | None, bool | None]:
        where = chat or {"id": account, "type": "private"}
        card = {"message_id": 7, "date": 0 if is_old else 1_700_000_000, "chat": where}
        query = {
            "id": "1",
            "from": self.user(account, **user),
            "chat_instance": "1",
            "data": callback_data,
            "message": card,
        }
        before = len(self.session.requests)
        await self.feed({"callback_query": query})
        answers = [each for each in self.session.requests[before:] if each.__api_method__ == "answerCallbackQuery"]
        assert len(answers) == 1, "a tap is answered exactly once, or the phone spins"
        return answers[0].text, answers[0].show_alert

    async def changes_standing(self, account: int, before: str, after: str) -> None:
        bot = {"id": 42, "is_bot": True, "first_name": "烽火"}
        change = {
            "chat": {"id": account, "type": "private"},
            "from": self.user(account),
            "date": 1_700_000_000,
            "old_chat_member": _member(bot, before),
            "new_chat_member": _member(bot, after),
        }
        await self.feed({"my_chat_member": change})


STICKER = {
    "file_id": "a",
    "file_unique_id": "b",
    "type": "regular",
    "width": 1,
    "height": 1,
    "is_animated": False,
    "is_video": False,
}


def _member(user: dict[str, Any], status: str) -> dict[str, Any]:
    return {"user": user, "status": status, **({"until_date": 0} if status == "kicked" else {})}


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    one = House()
    one.stand_in(monkeypatch)
    return one


@pytest.fixture
def session() -> RecordingSession:
    return RecordingSession()


@pytest.fixture
def bot(session: RecordingSession) -> Bot:
    return Bot("42:SECRETSECRET", session=session)


@pytest.fixture
def phone(house: House, session: RecordingSession, bot: Bot) -> Phone:
    return Phone(house, session, bot)


@pytest.fixture
def card() -> Card:
    return a_card()
