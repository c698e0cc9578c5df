"""Columns with the house's defaults: nothing is null or filled in silently (examples.md 2.3)."""

from typing import Any

from piccolo.columns import (
    UUID,
    BigInt,
    Boolean,
    Bytea,
    ForeignKey,
    Integer,
    OnDelete,
    OnUpdate,
    Text,
    Timestamptz,
)
from piccolo.columns.column_types import JSONB, Numeric
from piccolo.columns.indexes import IndexMethod
from piccolo.table import Table

__all__ = [
    "amount",
    "counter",
    "document",
    "flag",
    "key",
    "link",
    "maybe_flag",
    "maybe_link",
    "moment",
    "number",
    "octets",
    "text",
    "uid",
]


def key() -> UUID:
    """The primary key; always given, never invented by the database."""
    return UUID(primary_key=True, default=None, null=False)


def uid(*, null: bool = False, index: bool = False) -> UUID:
    """A reference without a foreign key (to a higher room, or to a ledger row)."""
    return UUID(default=None, null=null, index=index, index_method=IndexMethod.btree)


def text(*, null: bool = False, unique: bool = False, index: bool = False) -> Text:
    """Text of any length."""
    return Text(default=None, null=null, unique=unique, index=index)


def moment(*, null: bool = False, index: bool = False) -> Timestamptz:
    """An aware UTC time."""
    return Timestamptz(default=None, null=null, index=index)


def number(*, null: bool = False, big: bool = False) -> Integer:
    """A whole number."""
    return BigInt(default=None, null=null) if big else Integer(default=None, null=null)


def counter() -> Integer:
    """A whole number that begins at 0, also in rows that were there before the column."""
    return Integer(default=0, null=False)


def amount(*, null: bool = False) -> Numeric:
    """An exact decimal number."""
    return Numeric(default=None, null=null)


def flag() -> Boolean:
    """True or false."""
    return Boolean(default=None, null=False)


def maybe_flag() -> Boolean:
    """True, false, or not known yet."""
    return Boolean(default=None, null=True)


def octets() -> Bytea:
    """Octets as they came."""
    return Bytea(default=None, null=False)


def document(*, null: bool = False) -> JSONB:
    """A JSON document, decoded by a msgspec struct of its room."""
    return JSONB(default=None, null=null)


def link(to: type[Table], *, index: bool = True) -> "ForeignKey[Any]":
    """A foreign key that restricts: nothing disappears by cascade."""
    return ForeignKey(
        references=to,
        default=None,
        null=False,
        index=index,
        on_delete=OnDelete.restrict,
        on_update=OnUpdate.restrict,
    )


def maybe_link(to: type[Table], *, index: bool = True) -> "ForeignKey[Any]":
    """A foreign key that may be empty."""
    return ForeignKey(
        references=to,
        default=None,
        null=True,
        index=index,
        on_delete=OnDelete.restrict,
        on_update=OnUpdate.restrict,
    )
