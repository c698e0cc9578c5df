"""What each facility says now, as structs for pages and programs (CQC/SC 11002, 4.1.1 and 4.2 b). Pure.

The rule: everything that was said is shown, also codes and bits nobody knows; what never reported is shown as that.
Each word carries two times: the device's own, as evidence, and that of receipt.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from backend.core.i18n import N_, _
from backend.core.vocabulary import SEVERITY_OF_CLASS, Severity
from backend.monitoring.conditions import CONDITIONS
from backend.monitoring.conditions_component import CONTACT_BITS
from backend.monitoring.model import Level, StateSaid, Subject
from backend.monitoring.rules import Condition, contact_meaning, standing_of_state
from backend.monitoring.terms import CLOSED, OPEN
from backend.monitoring.words import EXTENSION_BIT_PROFILES, state_bit_name
from backend.registry.model import CLOSED_MEANS_LABELS

#: how urgent a thing is, worst first; "silent" has never reported, "stale" no longer does, "well" has nothing to tell
TONES: Final = (Severity.FIRE, Severity.ABNORMAL, Severity.FAULT, Severity.OFFLINE, "stale", "silent", "well")
TONE_LABELS: Final = {"stale": N_("数据中断"), "silent": N_("尚无数据"), "well": N_("正常")}
#: PostgreSQL's signed bigint holds a vendor's eight-octet word
_WORD: Final = (1 << 64) - 1


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that holds by what a subject says; `severity` is None for mere information (class I)."""

    key: str
    title: str
    severity: Severity | None


class WordNow(msgspec.Struct, frozen=True, kw_only=True):
    """A subject's last whole state word (运行状态): its bits in words, what they come to, and both times."""

    word: str  #: as hexadecimal
    says: tuple[str, ...]
    findings: tuple[Finding, ...]
    device_time: datetime | None
    received_at: datetime


class ValueNow(msgspec.Struct, frozen=True, kw_only=True):
    """The last value of one quantity (模拟量) beside its limits; without `received_at` it never reported."""

    quantity: int
    name: str
    reading: int | None = None
    value: Decimal | None = None
    measure: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    findings: tuple[Finding, ...] = ()
    is_stale: bool = False
    device_time: datetime | None = None
    received_at: datetime | None = None


class ComponentNow(msgspec.Struct, frozen=True, kw_only=True):
    """A component (部件): where it is, what it says, what it measures."""

    address: str  #: 8 hex digits in wire order
    number: int  #: the same as the 32-bit number of the point table
    component_type: int | None
    type_name: str
    zone: str
    description: str
    is_registered: bool
    tone: str
    state: WordNow | None = None
    values: tuple[ValueNow, ...] = ()
    role: str = ""  #: what the point table says it is for


class SystemNow(msgspec.Struct, frozen=True, kw_only=True):
    """A facility system (建筑消防设施系统) and its components."""

    system_type: int
    system_address: int
    type_name: str
    name: str
    tone: str
    state: WordNow | None = None
    components: tuple[ComponentNow, ...] = ()


class LinkNow(msgspec.Struct, frozen=True, kw_only=True):
    """How a device's link is, how far its clock is off, and what is odd about its frames."""

    is_lost: bool
    lost_at: datetime | None
    last_contact_at: datetime
    clock_offset_s: int | None
    deviations: dict[str, str]  #: its name in words → when it was last seen


class DeviceNow(msgspec.Struct, frozen=True, kw_only=True):
    """A UITD or collector with all that stands behind it; without `link` it was never heard."""

    id: UUID
    address: str
    kind: str
    name: str
    profile: str
    tone: str
    components: int
    troubled: int  #: components with an alarm condition
    silent: int  #: components that are registered and never reported
    link: LinkNow | None = None
    state: WordNow | None = None
    systems: tuple[SystemNow, ...] = ()


class BuildingNow(msgspec.Struct, frozen=True, kw_only=True):
    """A building and its devices; without `id` the devices' building is not known."""

    id: UUID | None
    name: str
    devices: tuple[DeviceNow, ...]


class UnitNow(msgspec.Struct, frozen=True, kw_only=True):
    """A unit and its buildings; without `id` these are devices nobody registered. Times are in `timezone`."""

    id: UUID | None
    code: str
    name: str
    timezone: str
    buildings: tuple[BuildingNow, ...]


class EventNow(msgspec.Struct, frozen=True, kw_only=True):
    """A change or operation that made no alarm (class I), as it was told."""

    id: UUID
    device: UUID
    unit_name: str
    where: str
    rule: str
    text: str
    facts: tuple[tuple[str, str], ...]
    device_time: datetime | None
    received_at: datetime


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What the point table knows of a subject, as far as its word is read by it."""

    role: str = ""
    closed_means: str = ""
    component_type: int | None = None
    profile: str = ""


def finding(condition: Condition, language: str) -> Finding:
    """A condition in a person's words."""
    return Finding(
        key=condition.key,
        title=_(condition.title, language),
        severity=SEVERITY_OF_CLASS.get(condition.alarm_class),
    )


def findings_of_keys(keys: Iterable[str], language: str) -> tuple[Finding, ...]:
    """Stored condition keys in words; one of another version is shown by its key."""
    return tuple(
        finding(CONDITIONS[key], language) if key in CONDITIONS else Finding(key=key, title=key, severity=None)
        for key in keys
    )


def says(subject: Subject, state: int, point: Point, language: str) -> tuple[str, ...]:
    """The set bits of a state word in words, unknown ones by number; a contact by what the point table says of it."""
    return tuple(_bits(subject.level, state & _WORD, point, language)) or (_("无状态信号", language),)


def _bits(level: Level, state: int, point: Point, language: str) -> Iterator[str]:
    meaning = None
    if level is Level.COMPONENT:
        meaning = contact_meaning(role=point.role, closed_means=point.closed_means, component_type=point.component_type)
    for bit in range(state.bit_length()):
        if not state >> bit & 1 or (meaning and bit in CONTACT_BITS):
            continue
        name = state_bit_name(level, bit, point.profile in EXTENSION_BIT_PROFILES)
        yield _(name, language) if name else _("未知状态位 {bit}", language, bit=bit)
    if meaning:
        is_closed = any(state >> bit & 1 for bit in CONTACT_BITS)
        label = _(CLOSED_MEANS_LABELS[meaning], language)
        contact = _(CLOSED if is_closed else OPEN, language)
        yield _("触点{contact}（闭合为{meaning}）", language, contact=contact, meaning=label)


def findings(subject: Subject, state: int, point: Point, language: str) -> tuple[Finding, ...]:
    """The conditions that hold by a state word; class I ones are in `says` already."""
    said = StateSaid(subject=subject, state=state & _WORD, extension_bits=point.profile in EXTENSION_BIT_PROFILES)
    standing = standing_of_state(
        said, role=point.role, closed_means=point.closed_means, component_type=point.component_type
    )
    told = (finding(each.condition, language) for each in standing)
    return tuple(each for each in told if each.severity is not None)


def tone(state: WordNow | None, values: Iterable[ValueNow] = (), *more: str) -> str:
    """The worst of what a thing says."""
    seen = [*more]
    values = tuple(values)
    told = [*(state.findings if state else ()), *(found for value in values for found in value.findings)]
    seen += [found.severity for found in told if found.severity]
    seen += ["stale" for value in values if value.is_stale]
    if state is None and all(value.received_at is None for value in values) and not more:
        seen.append("silent")
    return worst(seen)


def worst(tones: Iterable[str]) -> str:
    """The most urgent; "well" of none."""
    return min((str(each) for each in tones), key=[str(each) for each in TONES].index, default="well")
