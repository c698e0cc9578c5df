"""Dialogues on the real database: they survive a restart, one is open at a time, one hand writes."""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from backend.chat.drafts import PostgresDrafts, forget_drafts
from backend.chat.model import Heard, Speaker
from backend.chat.service import Conversation
from backend.core import clock
from backend.core.db.engine import fetch
from backend.core.ids import PersonId, new_id
from backend.core.vocabulary import Via
from backend.people import queries
from tests.unit.chat.conftest import Orchard


@pytest.fixture
async def wang(unit: dict[str, UUID]) -> Speaker:
    person = await queries.person(PersonId(unit["manager"]))
    return Speaker(person=person, via=Via.TELEGRAM, chat="100001")


async def test_a_dialogue_goes_on_in_another_process(wang: Speaker) -> None:
    orchard = Orchard()
    (kind,) = await Conversation((orchard.talk(),)).hear(wang, Heard(text="摘"))
    red = kind.keys[0][0]
    (why,) = await Conversation((orchard.talk(),)).press(wang, red.verb, red.about, red.argument)
    (sure,) = await Conversation((orchard.talk(),)).hear(wang, Heard(text="因为\x00红"))
    yes = sure.keys[0][0]
    await Conversation((orchard.talk(),)).press(wang, yes.verb, yes.about, yes.argument)
    assert why.lines == ("为什么？",)
    assert orchard.picked == [{"from": "command", "kind": "red", "why": "因为\ufffd红"}]
    assert await fetch("select 1 from chat_drafts") == []


async def test_of_two_who_take_the_draft_at_once_one_has_it(wang: Speaker) -> None:
    drafts = PostgresDrafts()
    held = await drafts.begin(wang, "pick", "kind", {"n": 1, "x": 1.5, "many": ["a"]})
    first, second = await asyncio.gather(drafts.claim(held.draft.id), drafts.claim(held.draft.id))
    assert (first is None) != (second is None)
    mine = first or second
    assert mine is not None
    assert mine.draft.answers == {"n": 1, "x": 1.5, "many": ["a"]}
    assert await drafts.advance(mine, "why", {})
    assert await drafts.claim(held.draft.id) is not None, "it is free again"


async def test_a_hand_that_comes_after_another_writes_nothing(wang: Speaker) -> None:
    drafts = PostgresDrafts()
    held = await drafts.begin(wang, "pick", "kind", {})
    late = await drafts.claim(held.draft.id)
    assert late is not None
    with clock.use(clock.StillClock(clock.now() + timedelta(seconds=16))):  # its process died, its claim ran out
        now = await drafts.claim(held.draft.id)
        assert now is not None
        assert not await drafts.advance(late, "sure", {"by": "late"})
        assert not await drafts.end(held.draft.id, late.turn)
        assert await drafts.advance(now, "why", {"by": "now"})
    still = await drafts.open(wang)
    assert still is not None
    assert (still.draft.step, still.draft.answers) == ("why", {"by": "now"})


async def test_a_new_dialogue_takes_the_old_ones_place_and_each_chat_has_its_own(wang: Speaker) -> None:
    drafts = PostgresDrafts()
    before = await drafts.begin(wang, "pick", "kind", {})
    after = await drafts.begin(wang, "pick", "kind", {})
    await drafts.begin(msgspec.structs.replace(wang, chat="-100"), "pick", "kind", {})
    assert not await drafts.is_open(before.draft.id)
    assert await drafts.is_open(after.draft.id)
    assert len(await fetch("select 1 from chat_drafts")) == 2


async def test_a_draft_nobody_touched_for_a_day_is_let_go(wang: Speaker) -> None:
    drafts = PostgresDrafts()
    await drafts.begin(wang, "pick", "kind", {"why": "私人的话"})
    assert await forget_drafts() == 0
    with clock.use(clock.StillClock(clock.now() + timedelta(hours=24, minutes=1))):
        assert await drafts.open(wang) is None
        assert await forget_drafts() == 1
    assert not await drafts.end(new_id())
