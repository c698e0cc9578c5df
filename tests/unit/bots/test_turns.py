"""In which order updates are handled: what a chat writes one after the other, a tap at once, and room for all."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.telegram.albums import Album
from bots.telegram.turns import place_of
from bots.telegram.updates import Hearing
from tests.patience import PATIENCE_S

ONE, OTHER = 1001, 1002


class KeptInbox:
    """An inbox in memory."""

    def __init__(self) -> None:
        self.handled: list[int] = []

    async def store(self, update_id: int, body: dict[str, Any]) -> bool:
        return bool(update_id and body)

    async def mark_handled(self, *update_ids: int) -> None:
        self.handled += update_ids


class Busy:
    """A dispatcher whose handling of a chat's messages, or of some taps, lasts until it is let go."""

    def __init__(self, held: set[int], held_taps: frozenset[str] = frozenset()) -> None:
        self.held = held
        self.held_taps = held_taps
        self.began: list[int] = []
        self.go = asyncio.Event()

    async def feed_update(self, _bot: Any, update: Any) -> None:
        self.began.append(update.update_id)
        if update.message is not None and update.message.chat.id in self.held:
            await self.go.wait()
        if update.callback_query is not None and update.callback_query.data in self.held_taps:
            await self.go.wait()


def said(update_id: int, chat: int) -> dict[str, Any]:
    user = {"id": chat, "is_bot": False, "first_name": "x"}
    message = {"message_id": update_id, "date": 1, "chat": {"id": chat, "type": "private"}, "from": user, "text": "x"}
    return {"update_id": update_id, "message": message}


def tapped(update_id: int, chat: int, data: str = "x") -> dict[str, Any]:
    user = {"id": chat, "is_bot": False, "first_name": "x"}
    return {"update_id": update_id, "callback_query": {"id": "1", "from": user, "chat_instance": "1", "data": data}}


def stood(update_id: int, chat: int, status: str) -> dict[str, Any]:
    user = {"id": chat, "is_bot": False, "first_name": "x"}
    bot = {"id": 4200, "is_bot": True, "first_name": "bot"}
    change = {
        "chat": {"id": chat, "type": "private"}, "from": user, "date": 1,
        "old_chat_member": {"status": "member", "user": bot}, "new_chat_member": {"status": status, "user": bot},
    }  # fmt: skip
    if status == "kicked":
        change["new_chat_member"]["until_date"] = 0  # type: ignore[index]
    return {"update_id": update_id, "my_chat_member": change}


async def seen(busy: Busy, *ids: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not set(ids) <= set(busy.began):
            await asyncio.sleep(0)


@pytest.fixture
def busy() -> Busy:
    return Busy({ONE})


@pytest.fixture
def hearing(phone: Any, busy: Busy) -> Hearing:
    return Hearing(phone.bot, busy, KeptInbox())  # type: ignore[arg-type]


async def test_what_is_written_in_one_chat_is_handled_in_its_order_and_a_tap_waits_for_nobody(
    hearing: Hearing, busy: Busy
) -> None:
    for raw in (said(1, ONE), said(2, ONE), stood(3, ONE, "kicked"), tapped(4, ONE), said(5, OTHER)):
        await hearing.begin(raw)
    await seen(busy, 1, 4, 5)
    assert 2 not in busy.began
    assert 3 not in busy.began
    busy.go.set()
    await hearing.drain()
    assert [each for each in busy.began if each in {1, 2, 3}] == [1, 2, 3]


OF_THE_DIALOGUE = f"t1:answer.ab12:{UUID(int=7).hex}:done"
UNDER_A_CARD = f"a1:ack:{UUID(int=7).hex}"


async def test_that_is_all_waits_for_the_photo_that_was_sent_before_it(hearing: Hearing, busy: Busy) -> None:
    for raw in (said(1, ONE), tapped(2, ONE, OF_THE_DIALOGUE), tapped(3, ONE, UNDER_A_CARD), said(4, OTHER)):
        await hearing.begin(raw)
    await seen(busy, 1, 3, 4)  # a fire's answer goes past the photo
    assert 2 not in busy.began
    busy.go.set()
    await hearing.drain()
    assert sorted(busy.began) == [1, 2, 3, 4]


@pytest.mark.parametrize("data", [OF_THE_DIALOGUE, UNDER_A_CARD, "t1:wo-report:1:x"])
async def test_words_wait_for_the_tap_that_brings_up_their_question(phone: Any, data: str) -> None:
    busy = Busy(set(), frozenset({data}))
    hearing = Hearing(phone.bot, busy, KeptInbox())  # type: ignore[arg-type]
    for raw in (tapped(1, ONE, data), said(2, ONE), said(3, ONE), said(4, OTHER)):
        await hearing.begin(raw)
    await seen(busy, 1, 4)
    assert not {2, 3} & set(busy.began)
    busy.go.set()
    await hearing.drain()
    assert [each for each in busy.began if each != 4] == [1, 2, 3]


async def test_in_a_group_one_persons_photo_keeps_nobody_else_waiting(phone: Any) -> None:
    def in_group(raw: dict[str, Any]) -> dict[str, Any]:
        raw["message"]["chat"] = {"id": -100, "type": "supergroup", "title": "x"}
        return raw

    busy = Busy({-100})
    hearing = Hearing(phone.bot, busy, KeptInbox())  # type: ignore[arg-type]
    for raw in (in_group(said(1, ONE)), in_group(said(2, ONE)), in_group(said(3, OTHER))):
        await hearing.begin(raw)
    await seen(busy, 1, 3)
    assert 2 not in busy.began
    busy.go.set()
    await hearing.drain()


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: st.dictionaries(
            st.sampled_from(["message", "callback_query", "my_chat_member", "from", "chat", "id", "data"]),
            inner,
            max_size=4,
        ),
    )
)
def test_an_update_of_any_form_has_a_place_or_none(raw: Any) -> None:
    place = place_of(raw if isinstance(raw, dict) else {})
    assert place is None or (isinstance(place.chat, int) and isinstance(place.person, int))


async def test_the_many_messages_of_one_person_leave_room_for_everybody_else(hearing: Hearing, busy: Busy) -> None:
    for number in range(1, 101):
        await hearing.begin(said(number, ONE))
    await hearing.begin(said(101, OTHER))
    await hearing.begin(tapped(102, OTHER))
    await seen(busy, 101, 102)
    assert [each for each in busy.began if each <= 100] == [1]
    busy.go.set()
    await hearing.drain()
    assert busy.began[-99:] == list(range(2, 101))


async def test_a_tap_is_heard_at_once_however_many_peoples_photos_hang(phone: Any) -> None:
    people = range(5001, 5101)
    busy = Busy(set(people))
    hearing = Hearing(phone.bot, busy, KeptInbox())  # type: ignore[arg-type]
    for number, person in enumerate(people, start=1):
        await hearing.begin(said(number, person))
    await hearing.begin(tapped(101, ONE, UNDER_A_CARD))
    await seen(busy, 101)
    assert len(busy.began) <= len(people), "the photos still hang, and some have not begun"
    busy.go.set()
    await hearing.drain()
    assert len(busy.began) == len(people) + 1


async def test_a_chat_in_which_nothing_is_in_hand_is_forgotten(hearing: Hearing, busy: Busy) -> None:
    busy.go.set()
    for number in range(1, 50):
        await hearing.begin(said(number, number))
    await hearing.drain()
    assert len(hearing._turns) == 0


async def test_a_chat_whose_handling_fails_goes_on_with_the_next(phone: Any) -> None:
    class Failing(Busy):
        async def feed_update(self, bot: Any, update: Any) -> None:
            await super().feed_update(bot, update)
            if update.update_id == 1:
                raise RuntimeError("a bug")

    busy = Failing(set())
    hearing = Hearing(phone.bot, busy, KeptInbox())  # type: ignore[arg-type]
    await hearing.begin(said(1, ONE))
    await hearing.begin(said(2, ONE))
    await seen(busy, 1, 2)
    await hearing.drain()


class AlbumInbox(KeptInbox):
    """Every album has one piece, its own."""

    async def take_album(self, update_id: int, chat: int, group: str) -> Album:
        piece = {**said(update_id, chat)}
        piece["message"]["media_group_id"] = group
        return Album(pieces=(piece,))


async def test_albums_that_wait_for_their_pieces_take_nobodys_room(phone: Any) -> None:
    go = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        await go.wait()

    class Quick(Busy):
        async def feed_update(self, _bot: Any, update: Any, **_: Any) -> None:
            self.began.append(update.update_id)

    busy = Quick(set())
    hearing = Hearing(phone.bot, busy, AlbumInbox(), sleep)  # type: ignore[arg-type]
    for number in range(1, 41):
        piece = said(number, 5000 + number)
        piece["message"]["media_group_id"] = str(number)
        await hearing.begin(piece)
    await hearing.begin(tapped(99, ONE))
    await seen(busy, 99)
    assert busy.began == [99]
    go.set()
    await seen(busy, *range(1, 41))
    await hearing.drain()
