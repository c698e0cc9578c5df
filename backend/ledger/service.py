"""Appending. The chain's head is one locked row, so concurrent writers extend one chain, in commit order.

The lock is held from `append` to commit: call it last in a transaction. Plain SQL with unnest: this is the
hot path (196 000 rows/s against 18 000 by parameters; known-traps.md).
"""

from collections.abc import Sequence
from typing import Any, Final

from backend.core import clock
from backend.core.db.engine import connection, execute, transaction
from backend.core.ids import LedgerId, new_id
from backend.ledger.model import Entry, digest_of, facts_text, fields_of, next_chain

_HEAD: Final = "select seq, chain from ledger_head for update"
_INSERT: Final = """
    insert into ledger (seq, id, kind, address, peer, gateway, octets, facts, received_at, digest, chain)
    select * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[],
                         $8::text[], $9::timestamptz[], $10::bytea[], $11::bytea[])"""
_MOVE: Final = "update ledger_head set seq = $1, chain = $2"


async def append(entries: Sequence[Entry]) -> None:
    """Append `entries` in their order, inside the caller's transaction, as its last act."""
    if not entries:
        return
    facts = [facts_text(entry.facts) for entry in entries]
    digests = [digest_of(fields_of(entry, text)) for entry, text in zip(entries, facts, strict=True)]
    async with connection() as one:
        head = await one.fetchrow(_HEAD)
        seq, chain = head["seq"], head["chain"]
        chains = []
        for digest in digests:
            chain = next_chain(chain, digest)
            chains.append(chain)
        last = seq + len(entries)
        await one.execute(
            _INSERT,
            list(range(seq + 1, last + 1)),
            [entry.id for entry in entries],
            [entry.kind for entry in entries],
            [entry.address for entry in entries],
            [entry.peer for entry in entries],
            [entry.gateway for entry in entries],
            [entry.octets for entry in entries],
            facts,
            [entry.received_at for entry in entries],
            digests,
            chains,
        )
        await one.execute(_MOVE, last, chain)


async def record_action(actor: str, what: str, facts: dict[str, Any]) -> LedgerId:
    """A person's or the service's own act as a row of kind `action`, inside the caller's transaction, at its end.

    `actor` is a person's code or the process's name; `what` a verb such as `alarm.acknowledged`.
    """
    entry = Entry(
        id=LedgerId(new_id()),
        kind="action",
        received_at=clock.now(),
        facts={"actor": actor, "what": what, **facts},
    )
    await append([entry])
    return entry.id


async def ensure_partitions() -> None:
    """Make this month's and the next three months' partitions; the service may run it any time."""
    async with transaction():
        await execute("select ledger_ensure_partitions()")
