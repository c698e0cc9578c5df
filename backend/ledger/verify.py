"""The verifier: walks the chain from its first row and names the first that is not as it was written."""

from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from backend.core.db.engine import fetch, fetch_one
from backend.ledger.model import FIRST_CHAIN, LedgerRow, digest_of, fields_of_row, next_chain

_PAGE: Final = 5000
_ROWS: Final = """
    select seq, id::text, kind, address, peer, gateway, octets, facts, received_at, digest, chain
    from ledger where seq > $1 order by seq limit $2"""


class Verdict(msgspec.Struct, frozen=True):
    """What the verifier found. `seq` is the first bad row, or the last good one when `is_good`."""

    is_good: bool
    rows: int
    seq: int
    reason: str
    head: str  #: the chain's last value in hex; write it down outside, and nobody can rewrite the past


async def rows(after: int = 0) -> AsyncIterator[LedgerRow]:
    """All rows in order, a page at a time."""
    while page := await fetch(_ROWS, after, _PAGE):
        for row in page:
            yield _row(row)
        after = page[-1]["seq"]


def _row(row: dict[str, Any]) -> LedgerRow:
    return LedgerRow(**row)


async def verify() -> Verdict:
    """Check every row's number, digest and chain, and that the last row is the head's."""
    expected, chain, count = 1, FIRST_CHAIN, 0
    async for row in rows():
        reason = _fault(row, expected, chain)
        if reason:
            return Verdict(False, count, row.seq, reason, chain.hex())
        expected, chain, count = row.seq + 1, row.chain, count + 1
    head = await fetch_one("select seq, chain from ledger_head")
    assert head is not None
    if (head["seq"], head["chain"]) != (expected - 1, chain):
        reason = f"the head names row {head['seq']}, the last row found is {expected - 1}"
        return Verdict(False, count, expected, reason, chain.hex())
    return Verdict(True, count, expected - 1, "", chain.hex())


def _fault(row: LedgerRow, expected: int, chain: bytes) -> str:
    if row.seq != expected:
        return f"row {expected} is missing or doubled"
    if digest_of(fields_of_row(row)) != row.digest:
        return "the row's content does not fit its digest"
    if next_chain(chain, row.digest) != row.chain:
        return "the row does not follow the one before it"
    return ""
