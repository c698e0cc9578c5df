"""Use cases of people: who they are, their roles, their sessions and codes, their chats.

The rule: a token or code is answered once and stored only as its digest; it is used by compare-and-set, so
two that come with the same one can't both win. Callers limit how often codes may be tried.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from backend.core import clock
from backend.core.db.engine import Write, execute, fetch_one, transaction
from backend.core.errors import BadInput, Conflict, NotFound, NotSignedIn
from backend.core.i18n import N_, _
from backend.core.ids import (
    ContactPointId,
    PersonId,
    UnitId,
    new_id,
    new_token,
    new_typed_code,
    token_digest,
    typed_code,
)
from backend.core.vocabulary import Channel, Role
from backend.people import queries, rules
from backend.people.model import (
    CODE_LIFETIME,
    SESSION_LIFETIMES,
    UNLINKED,
    CodeNotValid,
    CodePurpose,
    Person,
    SessionKind,
)
from backend.people.queries import person_from, select_person

One = TypeVar("One", bound=StrEnum)
_FIRST_PRIORITY: Final = 1
_LONGEST_CODE: Final = 64
_LONGEST_TEXT: Final = 200
#: `last_seen_at` is written no oftener than this: a page that reads live must not write with each request
_SEEN_EVERY: Final = timedelta(minutes=1)

_PERSON_OF_SESSION: Final = select_person(
    "sessions s join people p on p.id = s.person where s.digest = $1 and s.revoked_at is null and s.expires_at > $2",
    also=", s.last_seen_at",
)
_PERSON_OF_CHAT: Final = select_person(
    "chat_identities i join people p on p.id = i.person "
    "where i.channel = $1 and i.account = $2 and i.unlinked_at is null"
)
_USE_CODE: Final = """
update one_time_codes set used_at = $3
where digest = $1 and purpose = $2 and used_at is null and expires_at > $3
returning person
"""
_BIND_CHAT: Final = """
insert into chat_identities (id, person, channel, account, chat, linked_at) values ($1, $2, $3, $4, $5, $6)
on conflict (channel, account) where unlinked_at is null
do update set person = excluded.person, chat = excluded.chat, linked_at = excluded.linked_at
"""
_PUT_CONTACT: Final = """
insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (person, channel, address) do update set
    priority = coalesce($8, contact_points.priority),
    verified_at = coalesce(excluded.verified_at, contact_points.verified_at),
    failing_since = case when excluded.verified_at is null then contact_points.failing_since end,
    failures = case when excluded.verified_at is null then contact_points.failures else 0 end,
    failure = case when excluded.verified_at is null then contact_points.failure end
returning id
"""

_PUT_QUIET: Final = """
insert into quiet_hours (person, since_minute, until_minute, changed_at) values ($1, $2, $3, $4)
on conflict (person) do update set since_minute = excluded.since_minute, until_minute = excluded.until_minute,
    changed_at = excluded.changed_at
"""
_DAY_MINUTES: Final = 24 * 60
_MARK_WELL: Final = """
update contact_points p set failing_since = null, failure = null, failures = 0
from unnest($1::text[], $2::text[]) as well(channel, address)
where p.channel = well.channel and p.address = well.address and p.failing_since is not null
    and p.failure is distinct from $3
"""
#: a phone may be off once or twice
_UNDELIVERED_FAILS: Final = 3
_UNDELIVERED: Final = """
update contact_points set failures = failures + 1,
    failing_since = case when failures + 1 >= $5 then coalesce(failing_since, $3) else failing_since end
where channel = $1 and address = $2 and failure is distinct from $4
"""
_MARK_VERIFIED: Final = """
update contact_points set verified_at = coalesce(verified_at, $2), failing_since = null, failure = null, failures = 0
where id = any($1) and failure is distinct from $3
    and (verified_at is null or failing_since is not null or failures > 0)
"""


async def add_person(code: str, name: str, phone: str, language: str) -> PersonId:
    """Add a person (人员) with an app inbox of their own. Raises `BadInput`, `Conflict` for a taken code."""
    person_id = PersonId(new_id())
    code, name = _text(code, _("人员编号"), _LONGEST_CODE), _text(name, _("姓名"), _LONGEST_TEXT)
    try:
        phone, language = rules.phone_number(phone.strip()), rules.language_code(language.strip())
    except ValueError as error:
        raise BadInput(str(error)) from None
    async with transaction():
        added = await fetch_one(
            """
            insert into people (id, code, name, phone, language, is_active, created_at)
            values ($1, $2, $3, $4, $5, true, $6) on conflict (code) do nothing returning id
            """,
            person_id, code, name, phone, language, clock.now(),
        )  # fmt: skip
        if added is None:
            raise Conflict(_("人员编号 {code} 已被使用", code=code))
        await _put_contact(person_id, Channel.APP, code, _FIRST_PRIORITY)
    return person_id


async def deactivate(person_id: PersonId) -> None:
    """Take a person off duty for good: nobody reaches them and their sessions end. Raises `NotFound`."""
    async with transaction():
        if not await _changed("update people set is_active = false where id = $1 and is_active", person_id):
            raise NotFound(_("没有此人员"))
        await execute(
            "update sessions set revoked_at = $2 where person = $1 and revoked_at is null",
            person_id,
            clock.now(),
        )


async def grant(person_id: PersonId, role: Role, unit_id: UnitId | None) -> None:
    """Give a person a role (角色) in a unit, or at the provider; giving it again changes nothing.

    Raises `BadInput` when the role is not held there, `NotFound` for an unknown person or unit.
    """
    if refused := rules.why_not_granted(role, has_unit=unit_id is not None):
        raise BadInput(refused)
    async with transaction():
        await queries.person(person_id)
        if unit_id is not None and await fetch_one("select 1 from units where id = $1", unit_id) is None:
            raise NotFound(_("没有此联网单位"))
        await execute(
            """
            insert into grants (id, person, role, unit, granted_at) values ($1, $2, $3, $4, $5)
            on conflict do nothing
            """,
            new_id(), person_id, role, unit_id, clock.now(),
        )  # fmt: skip


async def revoke(person_id: PersonId, role: Role, unit_id: UnitId | None) -> None:
    """Take a role back; one that was not held is no error."""
    await execute(
        "delete from grants where person = $1 and role = $2 and unit is not distinct from $3",
        person_id, role, unit_id,
    )  # fmt: skip


async def add_contact_point(
    person_id: PersonId, channel: Channel, address: str, priority: int = _FIRST_PRIORITY
) -> ContactPointId:
    """Add a way to reach a person (联络方式), or change its priority. Raises `BadInput`, `NotFound`."""
    async with transaction():
        known = await queries.person(person_id)
        try:
            address = rules.contact_address(channel, address.strip(), known.code)
        except ValueError as error:
            raise BadInput(str(error)) from None
        return await _put_contact(person_id, channel, address, priority)


async def set_quiet_hours(person: Person, since_minute: int | None, until_minute: int | None) -> None:
    """A person's own quiet hours (勿扰时段), in minutes of the unit's local day; None for both: none.

    They never hold a fire. Raises `BadInput`.
    """
    if since_minute is None or until_minute is None:
        await execute("delete from quiet_hours where person = $1", person.id)
        return
    if not all(0 <= each < _DAY_MINUTES for each in (since_minute, until_minute)) or since_minute == until_minute:
        raise BadInput(N_("勿扰时段的开始和结束应为一天内两个不同的时刻"))
    await execute(_PUT_QUIET, person.id, since_minute, until_minute, clock.now())


async def mark_contact_failing(channel: Channel, address: str, reason: str) -> None:
    """Note that a carrier refuses an address for good: since when, its last word, and how often in a row."""
    await execute(
        """
        update contact_points set failing_since = coalesce(failing_since, $3), failure = $4, failures = failures + 1
        where channel = $1 and address = $2 and failure is distinct from $5
        """,
        channel, address, clock.now(), reason, UNLINKED,
    )  # fmt: skip


async def mark_undelivered(channel: Channel, address: str) -> None:
    """Note that a carrier took a message and reports that it did not arrive (switched off, busy, not answered).

    From the third in a row on people are shown that the way fails; it is tried all the same, for it may work next time.
    """
    await execute(_UNDELIVERED, channel, address, clock.now(), UNLINKED, _UNDELIVERED_FAILS)


async def mark_contact_well(channel: Channel, address: str) -> None:
    """Note that an address works again."""
    await execute(
        """
        update contact_points set failing_since = null, failure = null, failures = 0
        where channel = $1 and address = $2 and (failing_since is not null or failures > 0)
            and failure is distinct from $3
        """,
        channel, address, UNLINKED,
    )  # fmt: skip


def well_contacts(contacts: Iterable[tuple[Channel, str]]) -> list[Write]:
    """The same for many, as a part of a larger write: of these addresses it writes those that were failing."""
    wanted = sorted(set(contacts))
    if not wanted:
        return []
    channels, addresses = zip(*wanted, strict=True)
    return [(_MARK_WELL, [list(map(str, channels)), list(addresses), UNLINKED])]


async def mark_contacts_verified(contact_points: Iterable[ContactPointId], at: datetime) -> None:
    """Note that their owners answered, or their phones showed it: the ways are theirs, and work."""
    wanted = sorted(set(contact_points))
    if wanted:
        await execute(_MARK_VERIFIED, wanted, at, UNLINKED)


async def new_code(person_id: PersonId, purpose: CodePurpose | str) -> str:
    """A code that works once within 10 minutes; a newer code ends older ones of the same purpose.

    Raises `NotFound` for an unknown person, `BadInput` for an unknown purpose.
    """
    purpose, now = _one_of(CodePurpose, purpose), clock.now()
    code = new_typed_code() if purpose is CodePurpose.TELEGRAM_TYPED else new_token()
    async with transaction():
        await queries.person(person_id)
        await execute(
            "update one_time_codes set used_at = $3 where person = $1 and purpose = $2 and used_at is null",
            person_id, purpose, now,
        )  # fmt: skip
        await execute(
            """
            insert into one_time_codes (id, person, purpose, digest, created_at, expires_at)
            values ($1, $2, $3, $4, $5, $6)
            """,
            new_id(), person_id, purpose, token_digest(code), now, now + CODE_LIFETIME,
        )  # fmt: skip
    return code


async def redeem_code(code: str, purpose: CodePurpose | str) -> Person:
    """Use a code up; whoever comes second with it is refused. Raises `CodeNotValid`."""
    async with transaction():
        used = await fetch_one(_USE_CODE, token_digest(code), _one_of(CodePurpose, purpose), clock.now())
        if used is None:
            raise CodeNotValid(_("验证码无效或已过期,请重新获取"))
        try:
            return await queries.person(PersonId(used["person"]))
        except NotFound:
            raise CodeNotValid(_("验证码无效或已过期,请重新获取")) from None


async def open_session(
    person_id: PersonId, kind: SessionKind | str, label: str, lifetime: timedelta | None = None
) -> str:
    """Sign a phone, a browser or a program in; answers the token, which is shown only this once.

    `lifetime` is for API tokens; phones have 90 days and consoles 12 hours. Raises `NotFound`, `BadInput`.
    """
    kind, token, now = _one_of(SessionKind, kind), new_token(), clock.now()
    if lifetime is not None and (kind is not SessionKind.API or lifetime <= timedelta()):
        raise BadInput(_("只有接口令牌可以自定有效期,且必须为正"))
    async with transaction():
        await queries.person(person_id)
        await execute(
            """
            insert into sessions (id, person, kind, digest, label, created_at, expires_at, last_seen_at)
            values ($1, $2, $3, $4, $5, $6, $7, $6)
            """,
            new_id(), person_id, kind, token_digest(token), label[:_LONGEST_TEXT], now,
            now + (lifetime or SESSION_LIFETIMES[kind]),
        )  # fmt: skip
    return token


async def person_of_session(token: str) -> Person:
    """Who a token belongs to, with their grants of this moment. Raises `NotSignedIn`."""
    now, digest = clock.now(), token_digest(token)
    row = await fetch_one(_PERSON_OF_SESSION, digest, now)
    if row is None:
        raise NotSignedIn(_("请先登录"))
    await _note_seen(digest, row.pop("last_seen_at"), now)
    return person_from(row)


async def close_session(token: str) -> None:
    """Sign out; a token that is unknown or closed already is no error."""
    await execute(
        "update sessions set revoked_at = $2 where digest = $1 and revoked_at is null",
        token_digest(token), clock.now(),
    )  # fmt: skip


async def link_chat(code: str, channel: Channel, account: str, chat: str) -> Person:
    """Bind a chat account to the person a code was made for, and make the chat a verified way to them.

    An account that was another person's is theirs no longer: the code proves who holds it now. Raises
    `CodeNotValid`.
    """
    async with transaction():
        typed = typed_code(code)
        person = await redeem_code(typed or code, CodePurpose.TELEGRAM_TYPED if typed else channel)
        await _unlink(channel, account, except_for=person.id)
        await link_again(person.id, channel, account, chat)
    return person


async def link_again(person_id: PersonId, channel: Channel, account: str, chat: str) -> None:
    """Bind a chat account that is nobody's now, and make the chat a verified way; in the caller's transaction."""
    now = clock.now()
    await execute(_BIND_CHAT, new_id(), person_id, channel, account, chat, now)
    await _put_contact(person_id, channel, chat, None, verified_at=now)


async def person_of_chat(channel: Channel, account: str) -> Person | None:
    """Our person behind a chat account; None when it is nobody's or they are no longer active."""
    row = await fetch_one(_PERSON_OF_CHAT, channel, account)
    return None if row is None else person_from(row)


async def unlink_chat(channel: Channel, account: str) -> None:
    """Let a chat account go: it speaks for nobody, and its chat is no way to anybody."""
    async with transaction():
        await _unlink(channel, account)


async def _unlink(channel: Channel, account: str, except_for: PersonId | None = None) -> None:
    gone = await fetch_one(
        """
        update chat_identities set unlinked_at = $3
        where channel = $1 and account = $2 and unlinked_at is null and person is distinct from $4
        returning person, chat
        """,
        channel, account, clock.now(), except_for,
    )  # fmt: skip
    if gone is not None:
        await execute(
            """
            update contact_points set failing_since = $4, failure = $5
            where person = $1 and channel = $2 and address = $3
            """,
            gone["person"], channel, gone["chat"], clock.now(), UNLINKED,
        )  # fmt: skip


async def _put_contact(
    person_id: PersonId, channel: Channel, address: str, priority: int | None, verified_at: datetime | None = None
) -> ContactPointId:
    """Add or renew a contact point; without a priority a new one is first and an old one keeps its own."""
    first = _FIRST_PRIORITY if priority is None else priority
    row = await fetch_one(
        _PUT_CONTACT, new_id(), person_id, channel, address, first, verified_at, clock.now(), priority
    )
    assert row is not None
    return ContactPointId(row["id"])


async def _note_seen(digest: str, last_seen_at: datetime, now: datetime) -> None:
    if now - last_seen_at >= _SEEN_EVERY:
        await execute("update sessions set last_seen_at = $2 where digest = $1 and last_seen_at < $2", digest, now)


async def _changed(sql: str, *values: Any) -> bool:
    """Whether a statement changed a row, by PostgreSQL's command tag."""
    return not (await execute(sql, *values)).endswith(" 0")


def _text(text: str, what: str, longest: int) -> str:
    stripped = text.strip()
    if not stripped or len(stripped) > longest or not stripped.isprintable():
        raise BadInput(_("{what}为空、过长或含有控制字符", what=what))
    return stripped


def _one_of(kinds: type[One], word: str) -> One:
    try:
        return kinds(word)
    except ValueError:
        raise BadInput(_("未知的取值 {word}", word=word)) from None
