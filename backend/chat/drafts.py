"""Where drafts (草稿) are kept: one open dialogue for each person and conversation.

The rule: a step runs under a claim on its draft, so of two who answer it at once only one goes on; what is written
after another claim, or after the draft is gone, is not written at all.
"""

import re
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec

from backend.chat.model import Answers, Draft, Heard, Speaker
from backend.core import clock
from backend.core.db.engine import execute, fetch_one
from backend.core.ids import PersonId, new_id
from backend.core.vocabulary import Via
from backend.evidence.service import let_go

#: an abandoned draft holds people's words: it is let go
KEPT: Final = timedelta(hours=24)
#: a question that waits longer is asked again before words are taken for its answer: nobody remembers it
FRESH: Final = timedelta(minutes=30)
#: longer than any step takes; a process that dies in the middle frees the draft no later
CLAIMED: Final = timedelta(seconds=15)

_COLUMNS: Final = "id, dialogue, step, answers::text as answers, began_at, turn, touched_at"
_OPEN: Final = f"""
select {_COLUMNS} from chat_drafts where person = $1 and via = $2 and chat = $3 and touched_at > $4"""
_BEGIN: Final = f"""
insert into chat_drafts (id, person, via, chat, dialogue, step, answers, turn, busy_until, began_at, touched_at)
values ($1, $2, $3, $4, $5, $6, $7::jsonb, 0, null, $8, $8)
on conflict (person, via, chat) do update set id = excluded.id, dialogue = excluded.dialogue, step = excluded.step,
    answers = excluded.answers, turn = 0, busy_until = null, began_at = excluded.began_at,
    touched_at = excluded.touched_at
returning {_COLUMNS}"""
_CLAIM: Final = f"""
update chat_drafts set busy_until = $3, turn = turn + 1
where id = $1 and (busy_until is null or busy_until < $2) returning {_COLUMNS}"""
_ADVANCE: Final = """
update chat_drafts set step = $3, answers = $4::jsonb, busy_until = null, touched_at = $5
where id = $1 and turn = $2 returning id"""
_TOUCH: Final = "update chat_drafts set touched_at = $2 where id = $1"
_FREE: Final = "update chat_drafts set busy_until = null where id = $1 and turn = $2"
_END: Final = "delete from chat_drafts where id = $1 and ($2::int is null or turn = $2) returning person, answers"
_MOVE: Final = """
update chat_drafts d set chat = $3 || substr(d.chat, length($2) + 1)
where d.via = $1 and (d.chat = $2 or d.chat like $2 || '/%') and not exists (
    select from chat_drafts o where o.via = d.via and o.person = d.person
        and o.chat = $3 || substr(d.chat, length($2) + 1))"""
_FORGET: Final = "delete from chat_drafts where touched_at < $1"
_ID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_encode = msgspec.json.Encoder().encode


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A draft as it was read, and its turn; what is written needs the turn of one's own claim."""

    draft: Draft
    turn: int
    touched_at: datetime

    @property
    def is_fresh(self) -> bool:
        """Whether its question was asked, or its last answer given, not long ago."""
        return clock.now() - self.touched_at <= FRESH

    def is_elsewhere(self, heard: Heard) -> bool:
        """Whether it replies to the card of something else than the question is about: it is for another ear."""
        return heard.about is not None and str(heard.about[1]) not in self.draft.answers.values()


class Drafts(Protocol):
    """The one open draft of each conversation."""

    async def open(self, speaker: Speaker) -> Held | None:
        """The open draft here, if any."""
        ...

    async def begin(self, speaker: Speaker, dialogue: str, step: str, answers: Answers) -> Held:
        """A new draft; one that was open here is gone."""
        ...

    async def claim(self, draft: UUID) -> Held | None:
        """Take the draft to run its step; None when it is gone or somebody has it."""
        ...

    async def is_open(self, draft: UUID) -> bool:
        """Whether it is still there."""
        ...

    async def touch(self, draft: UUID) -> None:
        """Its question was asked again."""
        ...

    async def advance(self, held: Held, step: str, answers: Answers) -> bool:
        """Write where it goes on, and give it free; False when it is no longer ours."""
        ...

    async def free(self, held: Held) -> None:
        """Give it free unchanged."""
        ...

    async def end(self, draft: UUID, turn: int | None = None) -> bool:
        """Let it go: by turn when its last step was run, without one when it is cancelled."""
        ...


class PostgresDrafts:
    """Drafts in table `chat_drafts`."""

    async def open(self, speaker: Speaker) -> Held | None:
        """One that was touched within a day."""
        row = await fetch_one(_OPEN, speaker.person.id, speaker.via, speaker.chat, clock.now() - KEPT)
        return None if row is None else _held(row)

    async def begin(self, speaker: Speaker, dialogue: str, step: str, answers: Answers) -> Held:
        """One row a conversation: the new draft takes the old one's place."""
        row = await fetch_one(
            _BEGIN, new_id(), speaker.person.id, speaker.via, speaker.chat, dialogue, step, _json(answers), clock.now()
        )
        assert row is not None
        return _held(row)

    async def claim(self, draft: UUID) -> Held | None:
        """Compare-and-set on who is busy with it."""
        now = clock.now()
        row = await fetch_one(_CLAIM, draft, now, now + CLAIMED)
        return None if row is None else _held(row)

    async def is_open(self, draft: UUID) -> bool:
        """By its id; a new draft in the same conversation is another."""
        return await fetch_one("select 1 from chat_drafts where id = $1", draft) is not None

    async def touch(self, draft: UUID) -> None:
        """Whoever has it goes on undisturbed."""
        await execute(_TOUCH, draft, clock.now())

    async def advance(self, held: Held, step: str, answers: Answers) -> bool:
        """Compare-and-set on the turn."""
        return await fetch_one(_ADVANCE, held.draft.id, held.turn, step, _json(answers), clock.now()) is not None

    async def free(self, held: Held) -> None:
        """Whoever waits may go on at once."""
        await execute(_FREE, held.draft.id, held.turn)

    async def end(self, draft: UUID, turn: int | None = None) -> bool:
        """One delete; of two who end it one did. What came for a cancelled one is let go with it."""
        gone = await fetch_one(_END, draft, turn)
        if gone is not None and turn is None:
            await let_go(PersonId(gone["person"]), _pieces(gone["answers"]))
        return gone is not None


async def move_drafts(via: Via, before: str, after: str) -> None:
    """A chat got another address: the questions that are open in it, and in its topics, go along."""
    await execute(_MOVE, via, before, after)


async def forget_drafts() -> int:
    """A chore: let go of drafts nobody touched for a day; how many there were."""
    return int((await execute(_FORGET, clock.now() - KEPT)).rpartition(" ")[2])


def _pieces(answers: str) -> list[UUID]:
    """All ids in a draft's lists, whatever its dialogue calls them; those of files are among them."""
    listed = [each for value in msgspec.json.decode(answers).values() if isinstance(value, list) for each in value]
    return [UUID(each) for each in listed if isinstance(each, str) and _ID.fullmatch(each)]


def _json(answers: Answers) -> str:
    """A NUL, which jsonb can't hold, becomes U+FFFD."""
    return _encode(answers).decode().replace("\\u0000", "\\ufffd")


def _held(row: dict[str, Any]) -> Held:
    turn, touched_at = row.pop("turn"), row.pop("touched_at")
    draft = msgspec.convert({**row, "answers": msgspec.json.decode(row["answers"])}, Draft)
    return Held(draft=draft, turn=turn, touched_at=touched_at)
