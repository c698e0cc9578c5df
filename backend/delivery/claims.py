"""Claiming: the statements by which a worker takes attempts into its hands, and a row as it holds it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from backend.core.ids import AttemptId, NoticeId, PersonId
from backend.core.vocabulary import Channel as ChannelName
from backend.core.vocabulary import Severity
from backend.delivery.digest import Digest, drawn
from backend.delivery.digest import decode as decode_digest
from backend.delivery.model import Card, Delivery, NoticeKind
from backend.delivery.reasons import Why, written
from backend.people.model import UNLINKED

#: why an attempt waits whose channel asked one of the workers to leave it alone (`channel_rests`)
RESTS: Final = written(Why.RESTS)
#: why an attempt is not made whose person is no longer active, or has no role there any more
GONE: Final = written(Why.GONE)
#: why one is not made whose chat its person unlinked: it may be in another's hands by now
LET_GO: Final = written(Why.LET_GO)
# Every statement that writes several attempts locks them in the order of their ids first, so that two of them never
# wait for each other in a ring.
_CLAIMED: Final = """
    returning a.id, a.number, a.notice, a.person, a.channel, a.address, a.language, a.tries, a.surface, a.deadline_at,
              a.redraw_at, a.digest, n.kind, n.severity, n.t0, n.revision,
              coalesce(n.cards -> a.language, n.cards -> 'zh_CN') as card"""
# Who left since it was planned (it may have waited for a limit's window or a retry) hears nothing more of the unit, and
# a chat that was unlinked shows nothing more: neither a new card, nor what becomes of those that hang there.
_WHO: Final = f"""
        p.is_active and c.failure is distinct from '{UNLINKED}' and (x.unit is null or exists (
            select from grants g where g.person = a.person and (g.unit is null or g.unit = x.unit))) as is_able,
        c.failure is not distinct from '{UNLINKED}' as is_let_go
        from attempts a join notices x on x.id = a.notice join people p on p.id = a.person
        left join contact_points c on c.id = a.contact_point"""
CLAIM: Final = f"""
    with due as materialized (
        select a.id, r.until, {_WHO}
        left join channel_rests r on r.channel = a.channel and r.until > $4
        where a.id = any($1)
          and ((a.state = 'pending' and a.due_at <= $4) or (a.state = 'sending' and a.lease_until < $4))
        order by a.id for no key update of a),
    gone as (
        update attempts a set lease_until = null, why = case when due.is_let_go then '{LET_GO}' else '{GONE}' end,
            state = case when a.state = 'pending' then 'skipped' else 'refused' end
        from due where a.id = due.id and not due.is_able),
    resting as (
        update attempts a set state = 'pending', lease_until = null, due_at = due.until, why = '{RESTS}'
        from due where a.id = due.id and due.is_able and due.until is not null)
    update attempts a set state = 'sending', lease_until = $2, lease_by = $3, tries = a.tries + 1
    from notices n, due
    where a.id = due.id and due.is_able and due.until is null and n.id = a.notice {_CLAIMED}"""
CLAIM_REDRAW: Final = f"""
    with due as materialized (
        select a.id, r.until, {_WHO}
        left join channel_rests r on r.channel = a.channel and r.until > $3
        where a.id = any($1) and a.redraw_at <= $3 and a.state = 'accepted'
        order by a.id for no key update of a),
    put_off as (
        update attempts a set redraw_at = case when due.is_able then due.until end
        from due where a.id = due.id and (not due.is_able or due.until is not null))
    update attempts a set redraw_at = $2
    from notices n, due
    where a.id = due.id and due.is_able and due.until is null and n.id = a.notice {_CLAIMED}"""
_decode_card = msgspec.json.Decoder(Card).decode
_decode_surface = msgspec.json.Decoder(dict[str, str | int]).decode


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A row this worker holds."""

    delivery: Delivery
    channel: ChannelName
    kind: NoticeKind
    own_card: Card  #: of its own alarm, where the delivery's is a summary
    digest: Digest | None
    language: str
    tries: int
    revision: int
    severity: Severity
    t0: datetime
    deadline_at: datetime | None
    redraw_claim: datetime | None  #: of a redraw: what the claim put into `redraw_at`


def claimed(row: Mapping[str, Any]) -> Claimed:
    """A row that one of the statements returned."""
    own = msgspec.structs.replace(_decode_card(row["card"]), revision=row["revision"])
    digest = decode_digest(row["digest"]) if row["digest"] else None
    return Claimed(
        delivery=Delivery(
            attempt=AttemptId(row["id"]),
            notice=NoticeId(row["notice"]),
            person=PersonId(row["person"]),
            address=row["address"],
            card=drawn(own, digest, row["language"]),
            surface=_decode_surface(row["surface"]) if row["surface"] else None,
            number=row["number"],
            kind=NoticeKind(row["kind"]),
            language=row["language"],
            tries=row["tries"],
            deadline_at=row["deadline_at"],
        ),
        channel=ChannelName(row["channel"]),
        kind=NoticeKind(row["kind"]),
        own_card=own,
        digest=digest,
        language=row["language"],
        tries=row["tries"],
        revision=row["revision"],
        severity=Severity(row["severity"]),
        t0=row["t0"],
        deadline_at=row["deadline_at"],
        redraw_claim=row["redraw_at"],
    )
