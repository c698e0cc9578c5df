"""What a device says, in neutral words: the Report and its statements. Pure.

A gateway translates frames into Reports; nothing above it knows the wire. Every statement carries the device's
own time as evidence (house.md §3.9); order and deadlines go by receipt.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from backend.core.ids import DeviceId, LedgerId


class Level(StrEnum):
    """What a subject is."""

    SYSTEM = "system"  #: 建筑消防设施系统
    COMPONENT = "component"  #: 部件
    UITD = "uitd"  #: the device itself


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a statement is about, by its wire key (device, system, component)."""

    level: Level
    system_type: int | None = None
    system_address: int | None = None
    component_type: int | None = None
    component_address: str | None = None  #: 8 lower-case hex digits in wire order

    def key(self, device: DeviceId) -> str:
        """The subject's name in the database. The component type is no part of it: reads leave it out."""
        if self.level is Level.UITD:
            return f"{device}/uitd"
        system = f"{device}/{self.system_type}.{self.system_address}"
        return system if self.level is Level.SYSTEM else f"{system}/{self.component_address}"


def subject_of(key: str) -> Subject:
    """The other way round: the subject of a `Subject.key`, as far as its name goes (what follows it is ignored)."""
    _, _, rest = key.partition("/")
    system, _, below = rest.partition("/")
    system_type, dot, system_address = system.partition(".")
    if not (dot and system_type.isdecimal() and system_address.isdecimal()):
        return Subject(level=Level.UITD)
    address = below.partition("/")[0]
    return Subject(
        level=Level.COMPONENT if address else Level.SYSTEM,
        system_type=int(system_type),
        system_address=int(system_address),
        component_address=address or None,
    )


class Statement(msgspec.Struct, frozen=True, kw_only=True, tag_field="says", omit_defaults=True):
    """One thing a report says."""


class StateSaid(Statement, frozen=True, kw_only=True, tag="state"):
    """The *whole* state word of a subject (运行状态): a bit that was 1 and is 0 now has ended.

    `ended` marks the vendor restore types, whose set bits are the ones that ended (GB/T 26875.3 extract, 11.2).
    `is_test` is set only where a profile proved on site can read it; it never suppresses anything.
    """

    subject: Subject
    state: int
    description: str = ""
    device_time: datetime | None = None
    ended: bool = False
    is_test: bool = False
    extension_bits: bool = False  #: bits 9 to 15 of a component are the vendor's and known by the profile


class AnalogSaid(Statement, frozen=True, kw_only=True, tag="analog"):
    """A component's analog value (模拟量值), raw and in the table's unit (None: unknown quantity)."""

    subject: Subject
    quantity: int
    reading: int
    value: Decimal | None = None
    measure: str = ""
    device_time: datetime | None = None
    out_of_range: bool = False


class OperationSaid(Statement, frozen=True, kw_only=True, tag="operation"):
    """Somebody pressed something (操作信息): table 6.3 for a system, 6.5 for the UITD."""

    subject: Subject
    flags: int
    operator: int
    device_time: datetime | None = None


class TextSaid(Statement, frozen=True, kw_only=True, tag="text"):
    """Versions, configurations, clocks, registrations: kept and shown, never an alarm.

    `kind` names it ("software_version", "configuration", "clock", …); `text` is what a person reads.
    """

    subject: Subject
    kind: str
    text: str
    device_time: datetime | None = None


class PanelTextSaid(Statement, frozen=True, kw_only=True, tag="panel_text"):
    """A line of a panel's printer (GB/T 26875.3 extract, 11.6): text decides, kind seconds it."""

    subject: Subject
    kind: int
    device_name: str
    position: str
    event: str
    device_time: datetime | None = None


class UnreadableSaid(Statement, frozen=True, kw_only=True, tag="unreadable"):
    """A confirmed frame that gave no object (10.3): never silent. `fire_text` holds fire words when found."""

    type_flag: int | None
    body: str  #: hex
    fire_text: str | None = None


class LinkSaid(Statement, frozen=True, kw_only=True, tag="link"):
    """The gateway's own word on the link: lost (silent beyond its patrol) or back (CQC/SC 11002 4.4.2)."""

    is_lost: bool
    silent_since: datetime | None = None
    cause: str = "silent"  #: silent: patrols unanswered; closed: hung up and not back; slot: a sleeper missed its slot


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One received frame and what it says (上报信息)."""

    address: str  #: the device's source address, 12 lower-case hex digits in wire order
    ledger_id: LedgerId
    received_at: datetime  #: t1: the frame was complete
    first_octet_at: datetime  #: t0
    statements: tuple[Statement, ...] = ()
    fingerprint: bytes | None = None  #: of (source, serial, command, ADU); None: never a repeat
    #: the same together with the device's last reset or restoration; None: there was none since the gateway's start
    since_fingerprint: bytes | None = None
    sent_at: datetime | None = None  #: the frame's own time tag, as an aware time
    deviations: tuple[str, ...] = ()
    peer: str = ""
    transport: str = "tcp"
    is_heard: bool = True  #: False for a link statement of our own: the device did not speak
