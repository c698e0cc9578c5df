"""Putting a unit into service (投入运行): never with fewer than two verified kinds of contact (4.3.3).

The rule: alarms are delivered whether a unit is in service or not; what is missing is shown, and so is a unit that has
lost a kind since, and two kinds that fail together because one vendor carries both.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from backend.core import clock
from backend.core.db.engine import execute, fetch, transaction
from backend.core.deadlines import LEAST_CONTACT_KINDS
from backend.core.errors import Conflict, NotFound
from backend.core.i18n import N_, translate
from backend.core.ids import UnitId
from backend.core.vocabulary import CHANNEL_LABELS, Channel
from backend.ledger.service import record_action
from backend.people.doors import require, units_seen
from backend.people.model import Person, Right

#: who carries a kind of contact: what shares a vendor, fails together. Short messages and calls are bought together.
VENDORS: Final[Mapping[Channel, str]] = {
    Channel.TELEGRAM: "telegram",
    Channel.APP: "fenghuo",
    Channel.SMS: "telephony",
    Channel.VOICE: "telephony",
    Channel.WEBHOOK: "webhook",
    Channel.APPRISE: "apprise",
}
#: a contact is verified when its person proved it: by a code, by signing their phone in, or by an answer that came back
_READINESS: Final = """
    with ways as (
        select distinct g.unit, c.channel,
            c.failure is null and (
                c.verified_at is not null
                or (c.channel = 'app' and exists(select from sessions s where s.person = p.id and s.kind = 'phone'
                                                    and s.revoked_at is null and s.expires_at > $3))
                or exists(select from attempts t where t.contact_point = c.id
                          and (t.t6 is not null or t.t7 is not null))) as is_verified
        from grants g join units u on u.id = g.unit and (u.live_at is not null or not $2)
        join people p on p.id = g.person and p.is_active join contact_points c on c.person = p.id
        where $1::uuid[] is null or g.unit = any($1))
    select u.id as unit, u.name, u.live_at,
        array(select distinct w.channel from ways w where w.unit = u.id and w.is_verified order by 1) as verified,
        array(select distinct w.channel from ways w where w.unit = u.id order by 1) as known
    from units u where ($1::uuid[] is null or u.id = any($1)) and (u.live_at is not null or not $2) order by u.code"""


class NotReady(Conflict):
    """A unit can't be put into service; the sentence names what is missing."""

    code = "not_ready"


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a unit's people can be reached by two kinds of contact that were tried, and don't fail together."""

    unit: UnitId
    name: str
    live_at: datetime | None
    verified: tuple[Channel, ...]  #: kinds of contact that work
    known: tuple[Channel, ...]  #: kinds that are written down, verified or not

    @property
    def is_ready(self) -> bool:
        """Whether it has as many kinds as it must."""
        return len(self.verified) >= LEAST_CONTACT_KINDS

    @property
    def is_one_failure_domain(self) -> bool:
        """Whether one vendor carries all of them."""
        return len(self.verified) > 1 and len({VENDORS[each] for each in self.verified}) == 1

    @property
    def has_lost_a_kind(self) -> bool:
        """In service, and no longer as it was when it went there."""
        return self.live_at is not None and not self.is_ready

    def missing(self, language: str) -> str:
        """What is missing, as a sentence; empty: nothing."""
        if self.is_ready:
            return ""
        names = translate(N_("、"), language).join(translate(CHANNEL_LABELS[each], language) for each in self.verified)
        waiting = [each for each in self.known if each not in self.verified]
        if waiting:
            others = translate(N_("、"), language).join(translate(CHANNEL_LABELS[each], language) for each in waiting)
            return translate(
                N_("至少需要 {least} 种已验证的通知方式，现有：{names}；尚未验证：{others}"),
                language,
                least=LEAST_CONTACT_KINDS,
                names=names or "—",
                others=others,
            )
        return translate(
            N_("至少需要 {least} 种已验证的通知方式，现有：{names}；请为单位人员登记另一种方式"),
            language,
            least=LEAST_CONTACT_KINDS,
            names=names or "—",
        )


async def readiness_of(units: Iterable[UnitId] | None, *, only_live: bool = False) -> list[Readiness]:
    """How these units stand (None: all), by code."""
    rows: list[dict[str, Any]] = await fetch(_READINESS, None if units is None else list(units), only_live, clock.now())
    return msgspec.convert(rows, list[Readiness])


async def readiness_for(person: Person) -> list[Readiness]:
    """How the person's units stand."""
    return await readiness_of(units_seen(person))


async def lacking_for(person: Person) -> list[Readiness]:
    """Those of the person's units that are in service and have lost a kind of contact."""
    return [each for each in await readiness_of(units_seen(person), only_live=True) if each.has_lost_a_kind]


async def go_live(person: Person, unit: UnitId) -> Readiness:
    """投入运行: the unit is in service from now on; a second time changes nothing.

    Raises `NotFound`, `NotAllowed`, and `NotReady` while two verified kinds of contact are missing.
    """
    require(person, Right.ADOPT, unit)
    async with transaction():
        found = await readiness_of([unit])
        if not found:
            raise NotFound(N_("没有此联网单位"))
        (ready,) = found
        if not ready.is_ready:
            raise NotReady(ready.missing(person.language))
        if ready.live_at is not None:
            return ready
        now = clock.now()
        await execute("update units set live_at = $2 where id = $1 and live_at is null", unit, now)
        kinds = [str(each) for each in ready.verified]
        facts = {"unit": str(unit), "kinds": kinds, "one_failure_domain": ready.is_one_failure_domain}
        await record_action(person.code, "unit.went_live", facts)
    return msgspec.structs.replace(ready, live_at=now)
