"""Person, Grant, Reach: who somebody is, what they may do, and how they are reached. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from backend.core.errors import Refused
from backend.core.ids import ContactPointId, PersonId, UnitId
from backend.core.vocabulary import PROVIDER_ROLES, Channel, Role


class Right:
    """What can be done; names of rights, used in `RIGHTS`."""

    SEE: Final = "see"
    ACKNOWLEDGE: Final = "acknowledge"
    JUDGE: Final = "judge"
    ADOPT: Final = "adopt"
    ADMINISTER: Final = "administer"
    IMPROVE: Final = "improve"  #: note causes and measures of a breach (质量负责人)
    PLAN: Final = "plan"  #: policies and duty schedules of a unit
    MASK: Final = "mask"  #: ask for a mask or a test window, lift one
    APPROVE_MASK: Final = "approve_mask"  #: approve what another person asked for
    COMPLAIN: Final = "complain"  #: file a complaint or feedback, of a unit
    SEE_COMPLAINTS: Final = "see_complaints"  #: those of the unit's other people too
    HANDLE_COMPLAINTS: Final = "handle_complaints"  #: answer and settle them, over all units
    ORDER: Final = "order"  #: open a work order (报修)
    ORDER_COMPLAINED: Final = (
        "order_complained"  #: open one from a complaint one handles, of any unit; sees no unit by it
    )
    DISPATCH: Final = "dispatch"  #: say who takes a work order
    WORK: Final = "work"  #: take work orders and do them
    VERIFY: Final = "verify"  #: verify or send back what others did
    BIND_GROUP: Final = "bind_group"  #: bind a group chat to a unit: its members read the unit's alarms
    DUTY: Final = "duty"  #: keep the duty log, hand a shift over and take it
    CHECK_DUTY: Final = "check_duty"  #: ask whether the person on duty is there (查岗)


#: which role may do what (in its unit; provider roles in all units)
RIGHTS: Final[dict[Role, frozenset[str]]] = {
    Role.UNIT_MANAGER: frozenset(
        {Right.SEE, Right.ACKNOWLEDGE, Right.JUDGE, Right.PLAN, Right.MASK, Right.APPROVE_MASK}
        | {Right.ORDER, Right.DISPATCH, Right.VERIFY, Right.BIND_GROUP, Right.COMPLAIN, Right.SEE_COMPLAINTS}
        | {Right.DUTY, Right.CHECK_DUTY}
    ),
    Role.UNIT_DUTY: frozenset(
        {Right.SEE, Right.ACKNOWLEDGE, Right.JUDGE, Right.MASK, Right.ORDER, Right.DISPATCH, Right.VERIFY}
        | {Right.COMPLAIN, Right.DUTY}
    ),
    Role.MAINTAINER: frozenset({Right.SEE, Right.ACKNOWLEDGE, Right.MASK, Right.ORDER, Right.WORK, Right.COMPLAIN}),
    Role.PROVIDER_OPERATOR: frozenset(
        {Right.SEE, Right.ACKNOWLEDGE, Right.JUDGE, Right.ADOPT, Right.PLAN, Right.MASK, Right.APPROVE_MASK}
        | {Right.ORDER, Right.DISPATCH, Right.VERIFY, Right.BIND_GROUP, Right.DUTY, Right.CHECK_DUTY}
    ),
    # sees complaints and nothing else: what one is about is told with it
    Role.COMPLAINT_HANDLER: frozenset({Right.HANDLE_COMPLAINTS, Right.ORDER_COMPLAINED}),
    Role.QUALITY_LEAD: frozenset({Right.SEE, Right.IMPROVE, Right.HANDLE_COMPLAINTS, Right.ORDER_COMPLAINED}),
    Role.ADMINISTRATOR: frozenset(
        {Right.SEE, Right.ADOPT, Right.ADMINISTER, Right.PLAN, Right.BIND_GROUP}
        | {Right.HANDLE_COMPLAINTS, Right.ORDER_COMPLAINED}
    ),
    Role.GROUP: frozenset({Right.SEE}),
}


class Grant(msgspec.Struct, frozen=True):
    """A role in a unit; None as unit means at the provider, over all units."""

    role: Role
    unit: UnitId | None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A person with all they were granted; the argument of every use case a person starts."""

    id: PersonId
    code: str
    name: str
    language: str
    grants: tuple[Grant, ...] = ()

    @property
    def is_provider(self) -> bool:
        """Whether the person works for the service provider and sees all units."""
        return any(grant.unit is None and grant.role in PROVIDER_ROLES for grant in self.grants)

    @property
    def units(self) -> frozenset[UnitId]:
        """Units the person holds a role in."""
        return frozenset(grant.unit for grant in self.grants if grant.unit is not None)

    def may(self, right: str, unit: UnitId | None) -> bool:
        """Whether the person has `right` in `unit`; None is what belongs to no unit: the provider's only."""
        return any(
            right in RIGHTS[grant.role]
            for grant in self.grants
            if grant.unit is None or (unit is not None and grant.unit == unit)
        )

    def may_anywhere(self, right: str) -> bool:
        """Whether the person has `right` in any unit: for what a page offers, never for a door."""
        return any(right in RIGHTS[grant.role] for grant in self.grants)


class QuietHours(msgspec.Struct, frozen=True):
    """A person's own quiet hours (勿扰时段): minutes of the local day; they may go over midnight."""

    since_minute: int
    until_minute: int

    def cover(self, local: datetime) -> bool:
        """Whether a moment of the wall clock lies in them."""
        minute = local.hour * 60 + local.minute
        if self.since_minute < self.until_minute:
            return self.since_minute <= minute < self.until_minute
        return minute >= self.since_minute or minute < self.until_minute

    def __str__(self) -> str:
        since, until = divmod(self.since_minute, 60), divmod(self.until_minute, 60)
        return f"{since[0]:02}:{since[1]:02}–{until[0]:02}:{until[1]:02}"


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """One way to one person (联络方式): what delivery plans an attempt from.

    `failure` is the carrier's last word when the address does not work now; the way is still listed, so that
    a plan which leaves it out can say why.
    """

    person: PersonId
    name: str
    language: str
    contact_point: ContactPointId
    channel: Channel
    address: str
    failure: str | None = None
    roles: frozenset[Role] = frozenset()  #: that the person holds there
    timezone: str | None = None  #: the unit's
    quiet_since: int | None = None
    quiet_until: int | None = None

    def quiet_at(self, now: datetime) -> QuietHours | None:
        """The quiet hours that `now` lies in, by the unit's clock."""
        if self.quiet_since is None or self.quiet_until is None or self.timezone is None:
            return None
        hours = QuietHours(self.quiet_since, self.quiet_until)
        return hours if hours.cover(now.astimezone(ZoneInfo(self.timezone))) else None


class SessionKind(StrEnum):
    """What a session was opened for; sets how long it lasts."""

    PHONE = "phone"
    CONSOLE = "console"
    API = "api"


#: how long a session lasts from its start; an API token's owner may choose another time
SESSION_LIFETIMES: Final = {
    SessionKind.PHONE: timedelta(days=90),
    SessionKind.CONSOLE: timedelta(hours=12),
    SessionKind.API: timedelta(days=365),
}


class CodePurpose(StrEnum):
    """What a one-time code may be used for."""

    TELEGRAM = "telegram"  #: links a Telegram chat to the person
    TELEGRAM_TYPED = "telegram_typed"  #: the same, short enough to be typed
    PHONE = "phone"  #: signs the phone page in


CODE_LIFETIME: Final = timedelta(minutes=10)

#: who sits at the provider's duty desk and hears of what belongs to no unit
DUTY_DESK_ROLES: Final = (Role.PROVIDER_OPERATOR,)

#: `failure` of a chat its person unlinked: it is kept as evidence and is no way to anybody
UNLINKED: Final = "unlinked"


class CodeNotValid(Refused):
    """The one-time code is unknown, used, expired, or for another purpose; which of these is never told."""

    code = "code_not_valid"
    status = 400
