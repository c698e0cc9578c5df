"""Group chats of a unit (群): bound by somebody who has the right there, told of its alarms like everybody in it.

The rule: a group is a way to a unit, never an identity. What stands for it among people has the one right to see, signs
in nowhere and speaks for nobody; who presses a key in the group is asked for their own right.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.errors import BadInput, Conflict, NotAllowed, NotFound
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.vocabulary import Channel, Role
from backend.people.doors import require
from backend.people.model import RIGHTS, UNLINKED, Person, Right

#: what the contact's failure says when the bot was thrown out
REMOVED: Final = "removed from the group"
_LONGEST_TITLE: Final = 100
_NOT_YOURS: Final = N_("您不能解除此群的绑定：请单位经理，或请服务机构在“联络方式”页面解除")
_BOUND: Final = "select * from chat_groups where channel = $1 and chat = $2 and unbound_at is null"
_LANGUAGE: Final = """
    select p.language from chat_groups g join people p on p.id = g.person
    where g.channel = $1 and g.chat = $2 and g.unbound_at is null"""
_UNITS: Final = """
    select id, code, name from units
    where ($1::uuid[] is null or id = any($1)) and ($2 = '' or name ilike $3 or code ilike $3) order by code limit $4"""
_MAKE_PERSON: Final = """
    insert into people (id, code, name, phone, language, is_active, created_at) values ($1, $2, $3, '', $4, true, $5)"""
_MAKE_GRANT: Final = "insert into grants (id, person, role, unit, granted_at) values ($1, $2, $3, $4, $5)"
_MAKE_CONTACT: Final = """
    insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
    values ($1, $2, $3, $4, 1, null, $5)"""
_MAKE_GROUP: Final = """
    insert into chat_groups (id, channel, chat, topic, title, unit, person, bound_by, bound_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
_MOVE: Final = (
    "update chat_groups set chat = $3 where channel = $1 and chat = $2 and unbound_at is null returning person"
)
#: those a person may let go, and whether who bound each could still bind it
_LISTED: Final = """
    select g.id, g.channel, g.chat, g.title, u.name as unit_name, b.name as bound_by, g.bound_at,
        b.is_active and exists (select from grants r where r.person = b.id and r.role = any($2::text[])
            and (r.unit is null or r.unit = g.unit)) as may_bind
    from chat_groups g join units u on u.id = g.unit join people b on b.id = g.bound_by
    where g.unbound_at is null and ($1::uuid[] is null or g.unit = any($1))
    order by may_bind, u.code, g.bound_at limit 500"""
_CHAT_OF: Final = "select channel, chat, unit from chat_groups where id = $1 and unbound_at is null"
_BINDERS: Final = [str(role) for role, rights in RIGHTS.items() if Right.BIND_GROUP in rights]


class UnitChoice(msgspec.Struct, frozen=True):
    """A unit that a group may be bound to."""

    id: UnitId
    code: str
    name: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A bound group."""

    channel: Channel
    chat: str
    topic: str
    title: str
    unit: UnitId
    person: PersonId
    bound_at: datetime


class BoundGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A bound group as who can let it go sees it."""

    id: UUID
    channel: Channel
    chat: str
    title: str
    unit_name: str
    bound_by: str
    bound_at: datetime
    may_bind: bool  #: whether who bound it could still do so


def _units_of(person: Person) -> list[UnitId] | None:
    """Units whose groups are this person's affair; None: all."""
    if person.may(Right.BIND_GROUP, None):
        return None
    return [unit for unit in person.units if person.may(Right.BIND_GROUP, unit)]


async def groups_for(person: Person) -> Sequence[BoundGroup]:
    """The groups that this person may let go; first those whose binder has lost the right to it."""
    return msgspec.convert(await fetch(_LISTED, _units_of(person), _BINDERS), list[BoundGroup])


async def let_group_go(person: Person, group: UUID) -> Group:
    """Unbind a group from elsewhere: perhaps nobody who is in it may. Raises `NotFound` for another's too."""
    row = await fetch_one(_CHAT_OF, group)
    if row is None or not person.may(Right.BIND_GROUP, UnitId(row["unit"])):
        raise NotFound(N_("没有这个绑定"))
    return await unbind_group(person, Channel(row["channel"]), row["chat"])


async def units_to_bind(person: Person, words: str = "", most: int = 20) -> Sequence[UnitChoice]:
    """Units that this person may bind a group to, by their name or code."""
    rows = await fetch(_UNITS, _units_of(person), words, f"%{words}%", most)
    return msgspec.convert(rows, list[UnitChoice])


async def group_of(channel: Channel, chat: str) -> Group | None:
    """The binding of a group chat, if any."""
    row = await fetch_one(_BOUND, channel, chat)
    return None if row is None else msgspec.convert(row, Group)


async def language_of(channel: str, chat: str) -> str | None:
    """The language that a group's cards are drawn in; None for what is bound to no unit."""
    row = await fetch_one(_LANGUAGE, channel, chat)
    return None if row is None else str(row["language"])


async def bind_group(person: Person, unit: UnitId, channel: Channel, chat: str, topic: str, title: str) -> Group:  # noqa: PLR0917 - which group, and whose
    """Bind a group to a unit (绑定群). The chat itself was asked whether the person administers it.

    Raises `NotFound`, `NotAllowed`, `Conflict` where it is bound already, to this unit or another.
    """
    require(person, Right.BIND_GROUP, unit)
    async with transaction():
        await execute("select pg_advisory_xact_lock(hashtext($1))", f"group/{channel}/{chat}")
        if await fetch_one(_BOUND, channel, chat) is not None:
            raise Conflict(N_("此群已绑定联网单位；如需更换，请先发送 /unbind"))
        return await _make(person, unit, channel, chat, topic, title)


async def _make(person: Person, unit: UnitId, channel: Channel, chat: str, topic: str, title: str) -> Group:  # noqa: PLR0917
    now, stands_for = clock.now(), PersonId(new_id())
    title = "".join(each for each in title if each.isprintable()).strip()[:_LONGEST_TITLE] or chat
    await execute(_MAKE_PERSON, stands_for, f"group:{stands_for}", title, person.language, now)
    await execute(_MAKE_GRANT, new_id(), stands_for, Role.GROUP, unit, now)
    await execute(_MAKE_CONTACT, new_id(), stands_for, channel, address_of(chat, topic), now)
    await execute(_MAKE_GROUP, new_id(), channel, chat, topic, title, unit, stands_for, person.id, now)
    return Group(channel=channel, chat=chat, topic=topic, title=title, unit=unit, person=stands_for, bound_at=now)


async def unbind_group(person: Person, channel: Channel, chat: str) -> Group:
    """Let a group go (解除群绑定), by somebody who is in it and so knows of it. Raises `NotFound`, `NotAllowed`."""
    async with transaction():
        group = await group_of(channel, chat)
        if group is None:
            raise NotFound(N_("此群没有绑定联网单位"))
        if not person.may(Right.BIND_GROUP, group.unit):
            raise NotAllowed(_NOT_YOURS)
        await _let_go(group)
    return group


async def _let_go(group: Group) -> None:
    now = clock.now()
    await execute(
        "update chat_groups set unbound_at = $3 where channel = $1 and chat = $2 and unbound_at is null",
        group.channel, group.chat, now,
    )  # fmt: skip
    await execute("delete from grants where person = $1", group.person)
    await execute("update people set is_active = false where id = $1", group.person)
    await execute(
        "update contact_points set failing_since = $2, failure = $3 where person = $1", group.person, now, UNLINKED
    )


async def group_moved(channel: Channel, before: str, after: str) -> bool:
    """A group got another number (migrate_to_chat_id): its binding and its way go with it."""
    if before == after or not after:
        raise BadInput(N_("群的新编号无效"))
    async with transaction():
        moved = await fetch_one(_MOVE, channel, before, after)
        if moved is None:
            return False
        await execute(
            """update contact_points set address = $2 || substr(address, length($3) + 1),
                 failing_since = null, failure = null, failures = 0  -- of the old number: the bot left that one
               where person = $1 and (address = $3 or address like $3 || '/%')""",
            moved["person"], after, before,
        )  # fmt: skip
    return True


async def mark_group(channel: Channel, chat: str, *, is_well: bool) -> None:
    """The bot was thrown out of a group, or let in again: its way fails, or is well."""
    await execute(
        """update contact_points c set failing_since = case when $3 then null else coalesce(c.failing_since, $4) end,
             failure = case when $3 then null else $5 end, failures = case when $3 then 0 else c.failures + 1 end
           from chat_groups g where g.channel = $1 and g.chat = $2 and g.unbound_at is null and c.person = g.person""",
        channel, chat, is_well, clock.now(), REMOVED,
    )  # fmt: skip


def address_of(chat: str, topic: str) -> str:
    """A group's address for delivery: the chat, and its topic where it has one: "-100123/45"."""
    return f"{chat}/{topic}" if topic else chat
