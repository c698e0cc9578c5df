"""Cards that changed: every notice gets its new card, and what people hold is marked to be drawn again.

The rule: however many alarms change in one transaction (a panel's reset ends a thousand), it is the same few
statements. In the order of their ids, as every other writer of notices and attempts locks them (see carry).
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

import msgspec

from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId, AttemptId, NoticeId
from backend.core.vocabulary import Lane
from backend.delivery.model import AttemptState, Card, NoticeKind
from backend.delivery.plan import encode_cards

#: more than this is not rung for: the sweeper has them drawn in portions, behind what people wait for
_MOST_RUNG: Final = 64
_NOTICES: Final = """
    select id, alarm, array(select jsonb_object_keys(cards)) as languages
    from notices where alarm = any($1) and ($2::uuid[] is null or id = any($2)) order by id for update"""
#: more notices of one alarm than these are not drawn again each by itself: the newest are what people hold
_MOST_EACH: Final = 100
_EACH: Final = """
    with newest as materialized (
        select id from notices where alarm = $1 and kind = $2 order by id desc limit $3)
    select n.id, n.cards::text as cards from notices n join newest using (id) order by n.id for update of n"""
_PUT: Final = """
    update notices n set cards = x.cards::jsonb, revision = x.revision
    from unnest($1::uuid[], $2::text[], $3::int[]) as x(id, cards, revision) where n.id = x.id"""
_MARK: Final = """
    with held as materialized (
        select id from attempts where notice = any($1) and state in ('pending', 'sending', 'accepted')
        order by id for no key update)
    update attempts a set redraw_at = case when $3 then $2 else coalesce(a.redraw_at, $2) end
    from held where a.id = held.id returning a.id, a.lane, a.state"""
_decode_cards: Final = msgspec.json.Decoder(dict[str, Card]).decode

Redraws = dict[Lane, list[AttemptId]]


class Revision(NamedTuple):
    """An alarm's cards as they are from `revision` on."""

    alarm: AlarmId
    revision: int
    draw: Callable[[str], Card]


async def revise(
    alarm: AlarmId, revision: int, draw: Callable[[str], Card], *, after: timedelta = timedelta()
) -> Redraws:
    """`revise_all` for one alarm."""
    return await revise_all([Revision(alarm, revision, draw)], after=after)


async def revise_all(
    revisions: Sequence[Revision], *, after: timedelta = timedelta(), only: Sequence[NoticeId] | None = None
) -> Redraws:
    """Give every notice of these alarms its new card, in the caller's transaction; the answer is for `ring_redraws`.

    An attempt that is being sent right now is marked too: whichever of this and its outcome is written second
    waits for the other's row, and so no redraw is lost between them. Only what is accepted is rung for.

    `after` is for a card that changes many times a second: it is drawn again that much later, with all that came
    meanwhile, and the sweeper finds it. `only`: these notices of them, where their cards differ by their hearers.
    """
    wanted = {each.alarm: each for each in revisions}
    notices = await fetch(_NOTICES, list(wanted), None if only is None else list(only)) if wanted else []
    if not notices:
        return {}
    drawn: dict[tuple[AlarmId, str], Card] = {}
    cards: list[str] = []
    for notice in notices:
        revision = wanted[AlarmId(notice["alarm"])]
        for language in notice["languages"]:
            if (revision.alarm, language) not in drawn:
                drawn[revision.alarm, language] = revision.draw(language)
        cards.append(encode_cards({each: drawn[revision.alarm, each] for each in notice["languages"]}).decode())
    ids = [notice["id"] for notice in notices]
    return await _put(ids, cards, [wanted[AlarmId(notice["alarm"])].revision for notice in notices], after)


async def revise_each(
    alarm: AlarmId, kind: NoticeKind, revision: int, change: Callable[[NoticeId, Card, str], Card | None]
) -> Redraws:
    """Notices whose cards differ by their hearers: each card is changed from what it says, in its language.

    `change` answers None for a card that stays as it is. In the caller's transaction; the answer is for `ring_redraws`.
    """
    ids: list[NoticeId] = []
    cards: list[str] = []
    for notice in await fetch(_EACH, alarm, str(kind), _MOST_EACH):
        old = _decode_cards(notice["cards"])
        changed = {language: change(notice["id"], card, language) for language, card in old.items()}
        if any(card is not None for card in changed.values()):
            ids.append(notice["id"])
            cards.append(encode_cards({each: changed[each] or card for each, card in old.items()}).decode())
    return await _put(ids, cards, [revision] * len(ids), timedelta()) if ids else {}


async def _put(ids: Sequence[NoticeId], cards: Sequence[str], revisions: Sequence[int], after: timedelta) -> Redraws:
    """Write the cards, and mark what people hold."""
    await execute(_PUT, ids, cards, revisions)
    rows = await fetch(_MARK, ids, clock.now() + after, not after)
    redraws: Redraws = {}
    if after or len(rows) > _MOST_RUNG:
        return redraws
    for row in rows:
        if row["state"] == AttemptState.ACCEPTED:
            redraws.setdefault(Lane(row["lane"]), []).append(AttemptId(row["id"]))
    return redraws
