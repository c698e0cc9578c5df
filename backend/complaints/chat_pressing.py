"""The keys under a complaint: each begins its dialogue, hands over, takes, or shows what came with an entry.

The rule: what the presser can't do (any more) is refused before a word is asked for. The act itself asks again.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import chain
from typing import Final
from uuid import UUID

from backend.chat.model import Answers, Begin, Picture, Said, Saying, Speaker
from backend.complaints import handling
from backend.complaints.acts import must_be_own, must_handle, must_have_it
from backend.complaints.chat_acts import done
from backend.complaints.model import (
    OPEN_STATES,
    Complaint,
    ComplaintMovedOn,
    heard,
    rated,
    reopened,
    withdrawn,
)
from backend.complaints.ordering import must_order
from backend.complaints.queries import ComplaintStory, PieceOut, complaint_story, piece_for
from backend.complaints.routing import may_be_handed_to
from backend.complaints.rows import complaint_for
from backend.core import clock, working_time
from backend.core.errors import BadInput, NotFound
from backend.core.i18n import N_
from backend.people.model import Person

Door = Callable[[Person, Complaint, datetime], None]
PIECE: Final = "c-piece"
_RATINGS: Final = tuple("12345")


def _own(change: Callable[[Complaint, datetime], object]) -> Door:
    """The complainant's alone, and only if `change` were possible now."""

    def door(person: Person, complaint: Complaint, now: datetime) -> None:
        must_be_own(person, complaint)
        change(complaint, now)

    return door


def _open_one(must: Callable[[Person, Complaint], None]) -> Door:
    """Of one that is not over."""

    def door(person: Person, complaint: Complaint, _: datetime) -> None:
        must(person, complaint)
        if complaint.state not in OPEN_STATES:
            raise ComplaintMovedOn(N_("该投诉已办结"))

    return door


#: by verb: whether the presser may begin; what raises here would be raised after the last word
_DOORS: Final[dict[str, Door]] = {
    "c-reply": _open_one(must_have_it),
    "c-ask": _open_one(must_have_it),
    "c-settle": _open_one(must_have_it),
    "c-transfer": _open_one(must_handle),
    "c-order": _open_one(must_order),
    "c-note": lambda person, complaint, _: must_handle(person, complaint),
    "c-answer": _own(lambda complaint, now: heard(complaint, now, working_time.calendar())),
    "c-withdraw": _own(lambda complaint, now: withdrawn(complaint, now, working_time.calendar())),
    "c-reopen": _own(lambda complaint, now: reopened(complaint, now, working_time.calendar())),
    "c-rate": _own(lambda complaint, now: rated(complaint, 1, "", now)),
}
#: the keys that ask for words and nothing else
WORDED: Final = ("c-reply", "c-ask", "c-note", "c-answer", "c-reopen", "c-withdraw", "c-order")


async def _begun_with(speaker: Speaker, about: UUID | None, verb: str) -> Complaint:
    complaint = await complaint_for(speaker.person, _named(about))
    _DOORS[verb](speaker.person, complaint, clock.now())
    return complaint


def begins(verb: str) -> Callable[[Speaker, UUID | None, str], Awaitable[Said]]:
    """A key that asks for words, of a complaint with which the speaker may do that now."""

    async def press(speaker: Speaker, about: UUID | None, _: str) -> Said:
        complaint = await _begun_with(speaker, about, verb)
        return Begin(dialogue=verb, answers={"complaint": str(complaint.id)})

    return press


async def press_rate(speaker: Speaker, about: UUID | None, argument: str) -> Said:
    """1 to 5; the reason is asked next."""
    complaint = await _begun_with(speaker, about, "c-rate")
    if argument not in _RATINGS:
        raise BadInput(N_("满意度为 1 到 5 分"))
    answers: Answers = {"complaint": str(complaint.id), "rating": int(argument)}
    return Begin(dialogue="c-rate", answers=answers)


async def press_settle(speaker: Speaker, about: UUID | None, _: str) -> Said:
    """Of a complaint: justified or not, cause, improvement, words; of feedback the words."""
    complaint = await _begun_with(speaker, about, "c-settle")
    dialogue = "c-settle-fb" if complaint.is_feedback else "c-settle"
    return Begin(dialogue=dialogue, answers={"complaint": str(complaint.id)})


async def press_transfer(speaker: Speaker, about: UUID | None, _: str) -> Said:
    """Whom it may be handed to."""
    complaint = await _begun_with(speaker, about, "c-transfer")
    people = [(str(each), name) for each, name in await may_be_handed_to(speaker.person, complaint.id)]
    if not people:
        raise BadInput(N_("没有其他可转交的处理人"))
    ids, names = ([each[at] for each in people] for at in (0, 1))
    return Begin(dialogue="c-transfer", answers={"complaint": str(complaint.id), "ids": ids, "names": names})


async def press_take(speaker: Speaker, about: UUID | None, _: str) -> Said:
    """接手."""
    return done(speaker, await handling.take(speaker.person, _named(about), speaker.via))


def pieces_in(told: ComplaintStory) -> list[PieceOut]:
    """What came with the entries the reader may read, in their order: the keys count by it."""
    return list(chain.from_iterable(each.evidence for each in told.entries))


async def press_piece(speaker: Speaker, about: UUID | None, argument: str) -> Said:
    """A photo, a voice note or a paper that came with it, by its number in the story."""
    told = await complaint_story(speaker.person, _named(about))
    pieces = pieces_in(told)
    at = int(argument) - 1 if argument.isdecimal() and argument.isascii() else -1
    if not 0 <= at < len(pieces):
        raise NotFound(N_("没有找到"))
    piece, octets = await piece_for(speaker.person, told.line.id, pieces[at].id)
    picture = Picture(octets=octets, media_type=piece.media_type, name=piece.name or f"{argument}")
    return Saying(lines=(f"{told.line.number} · 📎 {argument}",), picture=picture)


def _named(about: UUID | None) -> UUID:
    if about is None:
        raise BadInput(N_("没有找到"))
    return about
