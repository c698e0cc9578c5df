"""Use cases of evidence (佐证): keep what came, bind it to what it is about, hand it out again.

The rule: a piece is bound once, by the act that takes it up and in that act's transaction; its SHA-256 goes into that
act's ledger entry (`model.ledger_facts`). Who may see a piece is who may see what it is about: the concept asks its own
doors before it calls `evidence_of` or `octets_of`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.errors import Conflict, NotFound, TooMany
from backend.core.i18n import N_
from backend.core.ids import PersonId, new_id
from backend.evidence.model import Evidence, EvidenceId, MediaKind, media_type_of
from backend.people.model import Person

#: a person's pieces that no act has taken up: more than a report ever needs
_MOST_UNBOUND: Final = 60
#: what no act took up is let go: it may show people who never agreed to be kept
UNBOUND_KEPT: Final = timedelta(days=2)
_LONGEST_NAME: Final = 120

_COLUMNS: Final = "id, kind, media_type, name, size, sha256, sent_by as by, sent_at as at, about_kind, about"
_WAITING: Final = "select count(*) as waiting from evidence where sent_by = $1 and about is null"
_KEEP: Final = f"""
insert into evidence (id, kind, media_type, name, size, sha256, sent_by, sent_at, octets)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (id) do nothing returning {_COLUMNS}"""
_BIND: Final = """
update evidence set about_kind = $2, about = $3, bound_at = $4
where id = any($1) and about is null and ($5::uuid is null or sent_by = $5)"""
_THESE: Final = f"""
select {_COLUMNS} from evidence where id = any($1) and about_kind = $2 and about = $3 order by sent_at, id"""
_BOUND_ELSEWHERE: Final = "select 1 from evidence where id = any($1) and about is not null and about <> $2"
_OF: Final = f"select {_COLUMNS} from evidence where about_kind = $1 and about = $2 order by sent_at, id"
_ONE: Final = f"select {_COLUMNS} from evidence where id = $1"
_FORGET: Final = "delete from evidence where about is null and sent_at < $1"


async def keep(person: Person, kind: MediaKind, name: str, octets: bytes) -> EvidenceId:
    """Keep a file that a person sent (收存佐证), as it came; no act has taken it up yet.

    Raises BadInput for what it is not or is too much of, TooMany for somebody who sends files without end.
    """
    return (await keep_piece(person, kind, name, octets)).id


async def keep_piece(
    person: Person,
    kind: MediaKind,
    name: str,
    octets: bytes,
    *,
    id: UUID | None = None,  # noqa: A002 - what it is
) -> Evidence:
    """`keep`, answering what is known of it. `id`: where the sender may send it twice; then it is kept once."""
    media = media_type_of(kind, octets)
    row = await fetch_one(_WAITING, person.id)
    if row is not None and row["waiting"] >= _MOST_UNBOUND:
        raise TooMany(N_("您发送的文件过多，请先完成或取消当前的操作"))
    digest = hashlib.sha256(octets).hexdigest()
    kept = await fetch_one(
        _KEEP, id or new_id(), media.kind, media.name, _tidy(name), len(octets), digest, person.id, clock.now(), octets,
    ) or await fetch_one(_ONE, id)  # fmt: skip
    piece = msgspec.convert(kept, Evidence)
    if piece.by != person.id or piece.sha256 != digest:
        raise Conflict(N_("此佐证已用于另一项记录"))
    return piece


async def bind(
    ids: Iterable[EvidenceId], about_kind: str, about: UUID, by: PersonId | None = None
) -> Sequence[Evidence]:
    """Bind pieces to what they are about (绑定佐证) in the caller's transaction; answers them for its ledger entry.

    With `by` only that person's own pieces are taken: ids that came from outside name it always. Binding again to the
    same thing changes nothing. Raises NotFound for unknown ones (and another's), Conflict for what is bound elsewhere.
    """
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return ()
    async with transaction():
        await execute(_BIND, wanted, about_kind, about, clock.now(), by)
        bound = msgspec.convert(await fetch(_THESE, wanted, about_kind, about), list[Evidence])
        if len(bound) < len(wanted) and by is None and await fetch_one(_BOUND_ELSEWHERE, wanted, about):
            raise Conflict(N_("此佐证已用于另一项记录"))
        if len(bound) < len(wanted) or (by is not None and any(each.by != by for each in bound)):
            raise NotFound(N_("没有此佐证，请重新发送"))
    return bound


async def evidence_of(about_kind: str, about: UUID) -> Sequence[Evidence]:
    """The evidence of a thing, oldest first, without octets; the caller has asked the doors."""
    return msgspec.convert(await fetch(_OF, about_kind, about), list[Evidence])


async def evidence(evidence_id: EvidenceId) -> Evidence:
    """What is known of one piece; the caller asks the doors of what it is about. Raises NotFound."""
    row = await fetch_one(_ONE, evidence_id)
    if row is None:
        raise NotFound(N_("没有此佐证，请重新发送"))
    return msgspec.convert(row, Evidence)


async def digests_of(ids: Iterable[EvidenceId]) -> list[str]:
    """The SHA-256 of pieces, each once: whether they are the same files as others."""
    rows = await fetch("select distinct sha256 from evidence where id = any($1)", list(ids))
    return [row["sha256"] for row in rows]


async def octets_of(evidence_id: EvidenceId) -> bytes:
    """The file as it came; the caller has asked the doors. Raises NotFound."""
    row = await fetch_one("select octets from evidence where id = $1", evidence_id)
    if row is None:
        raise NotFound(N_("没有此佐证，请重新发送"))
    return bytes(row["octets"])


async def let_go(person: PersonId, ids: Iterable[UUID]) -> None:
    """What somebody sent for an act that they cancelled: of these, their own that no act has taken up."""
    await execute("delete from evidence where id = any($1) and sent_by = $2 and about is null", list(ids), person)


async def forget_unbound() -> int:
    """A chore: let go of what no act took up in two days; how many there were."""
    tag = await execute(_FORGET, clock.now() - UNBOUND_KEPT)
    return int(tag.rpartition(" ")[2])


def _tidy(name: str) -> str:
    """A file's name for people to read; never a path, and never what its type is told by."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable())[:_LONGEST_NAME]
