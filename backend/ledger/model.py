"""A ledger entry and how it is hashed. Pure; the standalone verifier repeats this in the standard library alone.

    digest = SHA-256 over each field as UTF-8 or octets, each preceded by its length in 8 octets, big-endian
    chain  = SHA-256 over the former row's chain and this row's digest

The order of `HASHED` is the format: it is never changed, only followed by a new version.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from backend.core.ids import LedgerId

#: the fields under the digest, in their order
HASHED: Final = ("id", "kind", "address", "peer", "gateway", "octets", "facts", "received_at")
FIRST_CHAIN: Final = bytes(32)
_LENGTH_OCTETS: Final = 8

_encode_facts = msgspec.json.Encoder(order="deterministic", enc_hook=str).encode


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the original database (原始数据库): a frame as it came or went, or what somebody did.

    `kind`: `frame_in`, `frame_out`, `bad_octets`, `stranger` (an address too many of one peer), `link`, `action`.
    `facts` is whatever else belongs to it.
    """

    id: LedgerId
    kind: str
    received_at: datetime
    octets: bytes = b""
    address: str = ""
    peer: str = ""
    gateway: str = ""
    facts: dict[str, Any] = {}


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it stands in the table, with its place in the chain."""

    seq: int
    id: str
    kind: str
    address: str
    peer: str
    gateway: str
    octets: bytes
    facts: str
    received_at: datetime
    digest: bytes
    chain: bytes


def time_text(moment: datetime) -> str:
    """A time as it is hashed and exported: UTC with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def facts_text(facts: dict[str, Any]) -> str:
    """Facts as they are stored and hashed: JSON with sorted keys."""
    return _encode_facts(facts).decode() if facts else "{}"


def digest_of(fields: tuple[bytes, ...]) -> bytes:
    """The digest of a row's fields in the order of `HASHED`."""
    return hashlib.sha256(b"".join(len(field).to_bytes(_LENGTH_OCTETS, "big") + field for field in fields)).digest()


def next_chain(before: bytes, digest: bytes) -> bytes:
    """The chain after a row."""
    return hashlib.sha256(before + digest).digest()


def fields_of(entry: Entry, facts: str) -> tuple[bytes, ...]:
    """An entry's fields as octets, in the order of `HASHED`."""
    return (
        str(entry.id).encode(),
        entry.kind.encode(),
        entry.address.encode(),
        entry.peer.encode(),
        entry.gateway.encode(),
        entry.octets,
        facts.encode(),
        time_text(entry.received_at).encode(),
    )


def fields_of_row(row: LedgerRow) -> tuple[bytes, ...]:
    """A stored row's fields as octets, in the order of `HASHED`."""
    return (
        row.id.encode(),
        row.kind.encode(),
        row.address.encode(),
        row.peer.encode(),
        row.gateway.encode(),
        row.octets,
        row.facts.encode(),
        time_text(row.received_at).encode(),
    )
