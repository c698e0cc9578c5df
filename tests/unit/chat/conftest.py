"""A small talk about apples, drafts in memory, and somebody who speaks."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from backend.chat.drafts import Held
from backend.chat.model import (
    ANSWER,
    END,
    Answers,
    Begin,
    Command,
    Dialogue,
    Draft,
    Heard,
    Key,
    Next,
    Picture,
    Said,
    Saying,
    Speaker,
    Step,
    Talk,
)
from backend.chat.service import Conversation
from backend.core import clock
from backend.core.errors import BadInput
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.vocabulary import Role, Via
from backend.people.model import Grant, Person, Right

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
UNIT = UnitId(UUID(int=7))


class MemoryDrafts:
    """Drafts without a database, by the same rules."""

    def __init__(self) -> None:
        self.rows: dict[tuple[UUID, str, str], Held] = {}
        self.busy: set[UUID] = set()

    def _at(self, draft: UUID) -> tuple[UUID, str, str] | None:
        return next((key for key, held in self.rows.items() if held.draft.id == draft), None)

    async def open(self, speaker: Speaker) -> Held | None:
        return self.rows.get((speaker.person.id, speaker.via, speaker.chat))

    async def begin(self, speaker: Speaker, dialogue: str, step: str, answers: Answers) -> Held:
        draft = Draft(id=new_id(), dialogue=dialogue, step=step, answers=answers, began_at=NOW)
        held = Held(draft=draft, turn=0, touched_at=clock.now())
        self.rows[speaker.person.id, speaker.via, speaker.chat] = held
        return held

    async def claim(self, draft: UUID) -> Held | None:
        key = self._at(draft)
        if key is None or draft in self.busy:
            return None
        self.busy.add(draft)
        self.rows[key] = msgspec.structs.replace(self.rows[key], turn=self.rows[key].turn + 1)
        return self.rows[key]

    async def is_open(self, draft: UUID) -> bool:
        return self._at(draft) is not None

    async def touch(self, draft: UUID) -> None:
        key = self._at(draft)
        if key is not None:
            self.rows[key] = msgspec.structs.replace(self.rows[key], touched_at=clock.now())

    def _is_ours(self, held: Held) -> bool:
        key = self._at(held.draft.id)
        return key is not None and self.rows[key].turn == held.turn

    async def advance(self, held: Held, step: str, answers: Answers) -> bool:
        key = self._at(held.draft.id)
        if key is None or not self._is_ours(held):
            return False
        draft = msgspec.structs.replace(held.draft, step=step, answers=answers)
        self.rows[key] = Held(draft=draft, turn=held.turn, touched_at=clock.now())
        self.busy.discard(held.draft.id)
        return True

    async def free(self, held: Held) -> None:
        if self._is_ours(held):
            self.busy.discard(held.draft.id)

    async def end(self, draft: UUID, turn: int | None = None) -> bool:
        key = self._at(draft)
        if key is None or (turn is not None and self.rows[key].turn != turn):
            return False
        del self.rows[key]
        self.busy.discard(draft)
        return True


class Orchard:
    """What the talk about apples does."""

    def __init__(self) -> None:
        self.picked: list[Answers] = []
        self.on_confirm: Callable[[], Awaitable[None]] | None = None

    async def show(self, _speaker: Speaker, rest: str) -> Said:
        if rest == "坏的":
            raise BadInput("没有坏苹果")
        return Saying(lines=(f"苹果 {rest}".strip(),))

    async def pick(self, _speaker: Speaker, _rest: str) -> Said:
        return Begin(dialogue="pick", answers={"from": "command"})

    async def press_pick(self, _speaker: Speaker, about: UUID | None, argument: str) -> Said:
        if argument == "no":
            raise BadInput("不行")
        return Begin(dialogue="pick", answers={"tree": str(about)})

    async def ask_kind(self, _speaker: Speaker, draft: Draft) -> Saying:
        keys = (Key("红的", ANSWER, draft.id, "red"), Key("绿的", ANSWER, draft.id, "green"))
        return Saying(lines=("哪一种？",), keys=(keys,))

    async def kind(self, _speaker: Speaker, _draft: Draft, argument: str) -> Next:
        return Next(step="why", answers={"kind": argument})

    async def ask_why(self, _speaker: Speaker, _draft: Draft) -> Saying:
        return Saying(lines=("为什么？",))

    async def why(self, _speaker: Speaker, _draft: Draft, heard: Heard) -> Next:
        if len(heard.text) < 2:
            raise BadInput("请说清楚一些")
        if heard.text in {"还有", "给看"}:
            picture = Picture(b"apple") if heard.text == "给看" else None
            return Next(step="why", saying=Saying(lines=("收到 1 句",), picture=picture))
        return Next(step="sure", answers={"why": heard.text})

    async def ask_sure(self, _speaker: Speaker, draft: Draft) -> Saying:
        return Saying(lines=("确定吗？",), keys=((Key("确定", ANSWER, draft.id, "yes"),),))

    async def sure(self, _speaker: Speaker, draft: Draft, _argument: str) -> Next:
        if self.on_confirm is not None:
            await self.on_confirm()
        self.picked.append(draft.answers)
        return Next(step=END, saying=Saying(lines=("摘好了",)))

    async def reply(self, _speaker: Speaker, about: UUID, heard: Heard) -> Said:
        return Saying(lines=(f"记下 {about.int}: {heard.text}",))

    def talk(self) -> Talk:
        steps = (
            Step(name="kind", ask=self.ask_kind, press=self.kind),
            Step(name="why", ask=self.ask_why, hear=self.why),
            Step(name="sure", ask=self.ask_sure, press=self.sure),
        )
        return Talk(
            concept="apples",
            commands=(
                Command(name="apples", words=("苹果", "apple"), help="看苹果", do=self.show),
                Command(name="pick", words=("摘",), help="摘苹果", do=self.pick, right=Right.JUDGE),
            ),
            presses={"pick": self.press_pick},
            dialogues=(Dialogue(name="pick", steps=steps),),
            replies={"apple": self.reply},
        )


def a_speaker(role: Role = Role.UNIT_MANAGER, *, number: int = 1, chat: str = "1", is_group: bool = False) -> Speaker:
    person = Person(
        id=PersonId(UUID(int=number)), code=f"p{number}", name="王经理", language="zh_CN", grants=(Grant(role, UNIT),)
    )
    return Speaker(person=person, via=Via.TELEGRAM, chat=chat, is_group=is_group)


@pytest.fixture
def orchard() -> Orchard:
    return Orchard()


@pytest.fixture
def drafts() -> MemoryDrafts:
    return MemoryDrafts()


@pytest.fixture
def conversation(orchard: Orchard, drafts: MemoryDrafts) -> Conversation:
    return Conversation((orchard.talk(),), drafts)
