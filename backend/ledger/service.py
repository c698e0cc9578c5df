"""Appending. The chain's head is one locked row, so concurrent writers extend one chain, in commit order.

The lock is held from `append` to commit: call it last in a transaction. The rows travel as one JSON text: this is
the hot path, and asyncpg takes twice as long over arrays, element by element.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from backend.core import clock
from backend.core.db.engine import connection, execute, transaction
from backend.core.ids import LedgerId, new_id
from backend.ledger.model import Entry, digest_of, facts_text, fields_of, next_chain

_HEAD: Final = "select seq, chain from ledger_head for update"
_INSERT: Final = """
    with moved as (update ledger_head set seq = $1, chain = $2)
    insert into ledger (seq, id, kind, address, peer, gateway, octets, facts, received_at, digest, chain)
    select seq, id, kind, address, peer, gateway, octets, facts, received_at, digest, chain
    from json_populate_recordset(null::ledger, $3::json)"""
_encode = msgspec.json.Encoder().encode


class _Row(msgspec.Struct, gc=False):
    """A row of `ledger`, by its columns' names and as PostgreSQL reads them; id, facts and time as hashed."""

    id: str
    kind: str
    address: str
    peer: str
    gateway: str
    octets: str
    facts: str
    received_at: str
    digest: str
    seq: int = 0
    chain: str = ""


async def append(entries: Sequence[Entry]) -> None:
    """Append `entries` in their order, inside the caller's transaction, as its last act."""
    if not entries:
        return
    hashed = [fields_of(entry, facts_text(entry.facts)) for entry in entries]
    digests = [digest_of(fields) for fields in hashed]
    rows = [_row(*parts) for parts in zip(entries, hashed, digests, strict=True)]
    async with connection() as one:
        head = await one.fetchrow(_HEAD)
        seq, chain = head["seq"], head["chain"]
        for row, digest in zip(rows, digests, strict=True):
            seq += 1
            chain = next_chain(chain, digest)
            row.seq, row.chain = seq, _bytea(chain)
        await one.execute(_INSERT, seq, chain, _encode(rows).decode())


def _row(entry: Entry, fields: tuple[bytes, ...], digest: bytes) -> _Row:
    return _Row(
        fields[0].decode(),
        entry.kind,
        entry.address,
        entry.peer,
        entry.gateway,
        _bytea(entry.octets),
        fields[6].decode(),
        fields[7].decode(),
        _bytea(digest),
    )


def _bytea(octets: bytes) -> str:
    return f"\\x{octets.hex()}"


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
