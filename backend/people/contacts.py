"""Contact points as their owners and those who can mend them see them (联络方式): which fail, since when, and why.

The rule: a person sees their own; whoever plans a unit's notices sees those of the people who have a role in it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from backend.core.db.engine import fetch
from backend.core.errors import NotFound
from backend.core.i18n import _
from backend.core.ids import ContactPointId, PersonId, UnitId
from backend.core.vocabulary import Channel
from backend.people.model import UNLINKED, Person, Right

_COLUMNS: Final = """
    way.id, way.person, p.name, p.language, way.channel, way.address, way.verified_at, way.failing_since, way.failure,
    way.failures"""
_OWN: Final = f"""
    select {_COLUMNS} from contact_points way join people p on p.id = way.person and p.is_active
    where way.person = $1 and way.failure is distinct from $2 order by way.priority, way.channel, way.address"""
_MENDABLE: Final = "($1 or way.person in (select person from grants where unit = any($2::uuid[])))"
_FAILING: Final = f"""
    select {_COLUMNS} from contact_points way join people p on p.id = way.person and p.is_active
    where way.failing_since is not null and way.failure is distinct from $3 and {_MENDABLE}
    order by way.failing_since, p.code limit 500"""
_ONE: Final = f"""
    select {_COLUMNS} from contact_points way join people p on p.id = way.person and p.is_active
    where way.id = $4 and way.failure is distinct from $3 and (way.person = $5 or {_MENDABLE})"""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """One way to one person, and how it does."""

    id: ContactPointId
    person: PersonId
    name: str
    language: str
    channel: Channel
    address: str
    verified_at: datetime | None
    failing_since: datetime | None
    failure: str | None  #: the carrier's last word
    failures: int  #: in a row


async def contacts_of(person: PersonId) -> Sequence[Contact]:
    """A person's own ways, the first first."""
    return msgspec.convert(await fetch(_OWN, person, UNLINKED), list[Contact])


async def failing_contacts(person: Person) -> Sequence[Contact]:
    """The ways that fail, of everybody whose notices this person plans; those that fail longest first."""
    return msgspec.convert(await fetch(_FAILING, *_mends(person), UNLINKED), list[Contact])


async def contact_for(person: Person, contact: ContactPointId) -> Contact:
    """One's own way, or one that the person can mend. Raises `NotFound`."""
    rows = await fetch(_ONE, *_mends(person), UNLINKED, contact, person.id)
    if not rows:
        raise NotFound(_("没有此联络方式"))
    return msgspec.convert(rows[0], Contact)


def can_mend(person: Person) -> bool:
    """Whether anybody's contacts but their own are this person's affair."""
    everywhere, units = _mends(person)
    return everywhere or bool(units)


def _mends(person: Person) -> tuple[bool, list[UUID]]:
    units: list[UnitId] = [unit for unit in person.units if person.may(Right.PLAN, unit)]
    return person.may(Right.PLAN, None), list(units)
