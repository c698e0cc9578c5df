"""Decoded objects to neutral statements: nothing above this knows the wire. Pure.

The one rule: nothing a device says is dropped. An object without a translation, and a body without an object,
become an `UnreadableSaid`, which is never silent (GB/T 26875.3 extract, 10.3). Bit 0 never suppresses.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, Final

import msgspec

from backend.monitoring.model import (
    AnalogSaid,
    Level,
    OperationSaid,
    PanelTextSaid,
    Statement,
    StateSaid,
    Subject,
    TextSaid,
    UnreadableSaid,
)
from protocol_gateway.dahua_events import EVENTS, bits_of_event, gather
from protocol_gateway.gb26875.decode import Decoded
from protocol_gateway.gb26875.frame import Frame
from protocol_gateway.gb26875.layouts import ComponentAddress, WireObject
from protocol_gateway.gb26875.objects import dahua, facility, gst, jk, printer, uitd
from protocol_gateway.gb26875.profiles import Profile
from protocol_gateway.gb26875.tables import analog_type
from protocol_gateway.gb26875.text import possible_fire_text
from protocol_gateway.gb26875.wall_clock import TimeTag, WallClock, read_bcd_time_tag, read_time_tag

UITD: Final = Subject(level=Level.UITD)
_REMEMBERED: Final = 8192
_FINGERPRINT_SIZE: Final = 16


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How one device is read: its profile, its wall clock's zone, and what its events have begun."""

    profile: Profile
    zone: tzinfo
    words: dict[str, int] = msgspec.field(default_factory=dict)


def fingerprint(frame: Frame, device: str, epoch: bytes = b"") -> bytes:
    """What a repeat has in common with its first frame: device, serial, command and ADU (extract, 13.3).

    `device` is whom the frame was taken to come from: two without an address of their own may say the same.
    `epoch` is the device's since its last reset or restoration: what the same words find after one is new, also
    from devices whose serial never moves. Without it a repeat is known across resets: a restoration whose
    confirmation was lost comes once more, and must not end the fire that began meanwhile.
    """
    digest = hashlib.blake2b(device.encode() + b"/", digest_size=_FINGERPRINT_SIZE, key=epoch)
    digest.update(frame.serial.to_bytes(2, "big") + bytes((frame.command,)))
    digest.update(frame.adu)
    return digest.digest()


@lru_cache(maxsize=_REMEMBERED)
def moment_of(wall_clock: WallClock, zone: tzinfo) -> datetime:
    """The UTC moment at which a clock in `zone` shows this."""
    return wall_clock.in_zone(zone).astimezone(UTC)


def sent_at(frame: Frame, reading: Reading) -> datetime | None:
    """The frame's own time as an aware one; None when its tag is no date."""
    read = read_bcd_time_tag if reading.profile.time_bcd else read_time_tag
    return _moment(read(frame.time_tag), reading)


def statements(frame: Frame, decoded: Decoded, reading: Reading) -> tuple[Statement, ...]:
    """What a frame says. A heartbeat says nothing; what cannot be read says so."""
    objects = decoded.objects
    if not objects:
        if objects is not None or frame.adu in reading.profile.one_octet_answers:
            return ()
        return (unreadable(decoded.type_flag, decoded.body or b""),)
    translate = _TRANSLATORS.get(type(objects[0]))
    if translate is None:  # a down type sent up: read, and yet nothing a device can report
        return (unreadable(decoded.type_flag, frame.adu[2:]),)
    if len(objects) == 1:
        return tuple(translate(objects[0], reading, decoded.type_flag))
    return tuple(said for thing in objects for said in translate(thing, reading, decoded.type_flag))


def unreadable(type_flag: int | None, body: bytes) -> UnreadableSaid:
    """A report nobody can read, with the fire words found in it."""
    return UnreadableSaid(type_flag=type_flag, body=body.hex(), fire_text=possible_fire_text(body))


def _moment(tag: TimeTag | None, reading: Reading) -> datetime | None:
    if tag is None or tag.wall_clock is None:
        return None
    return moment_of(tag.wall_clock, reading.zone)


@lru_cache(maxsize=_REMEMBERED)
def _system(system_type: int, system_address: int) -> Subject:
    return Subject(level=Level.SYSTEM, system_type=system_type, system_address=system_address)


@lru_cache(maxsize=_REMEMBERED)
def _component(
    system_type: int, system_address: int, component_type: int, component_address: ComponentAddress
) -> Subject:
    return Subject(
        level=Level.COMPONENT,
        system_type=system_type,
        system_address=system_address,
        component_type=component_type,
        component_address=component_address.hex,
    )


def _component_of(thing: Any) -> Subject:
    return _component(thing.system_type, thing.system_address, thing.component_type, thing.component_address)


def _is_test(state: int, profile: Profile) -> bool:
    # The standard's polarity is not to be trusted on the wire (6.6): only a profile that departs from it in
    # writing has been proved.
    return profile.bit0_when_normal == 0 and bool(state & 1)


_Translator = Callable[[Any, Reading, int | None], Iterable[Statement]]


def _system_state(thing: Any, reading: Reading, _: int | None) -> Iterable[Statement]:
    yield StateSaid(
        subject=_system(thing.system_type, thing.system_address),
        state=thing.state,
        device_time=_moment(thing.occurred_at, reading),
        ended=isinstance(thing, jk.SystemStateRestored),
        is_test=_is_test(thing.state, reading.profile),
        extension_bits=bool(reading.profile.system_state_bits),
    )


def _component_state(thing: Any, reading: Reading, _: int | None) -> Iterable[Statement]:
    yield StateSaid(
        subject=_component_of(thing),
        state=thing.state,
        description=thing.description.text if thing.description is not None else "",
        device_time=_moment(thing.occurred_at, reading),
        ended=isinstance(thing, jk.ComponentStateRestored),
        is_test=_is_test(thing.state, reading.profile),
        extension_bits=bool(reading.profile.component_state_bits),
    )


def _uitd_state(thing: Any, reading: Reading, _: int | None) -> Iterable[Statement]:
    yield StateSaid(
        subject=UITD,
        state=thing.state,
        device_time=_moment(thing.occurred_at, reading),
        ended=isinstance(thing, jk.UitdStateRestored),
        is_test=_is_test(thing.state, reading.profile),
    )


def _analog(subject: Subject, quantity: int, raw: int, reading: Reading, when: TimeTag | None) -> AnalogSaid:
    row = analog_type(quantity, reading.profile)
    return AnalogSaid(
        subject=subject,
        quantity=quantity,
        reading=raw,
        value=row.value(raw) if row else None,
        measure=row.unit if row else "",
        device_time=_moment(when, reading),
        out_of_range=not row.holds(raw) if row else False,
    )


def _analog_value(thing: facility.AnalogValue, reading: Reading, _: int | None) -> Iterable[Statement]:
    yield _analog(_component_of(thing), thing.analog_type, thing.raw, reading, thing.sampled_at)


def _system_analog(thing: dahua.SystemAnalog, reading: Reading, _: int | None) -> Iterable[Statement]:
    subject = _system(thing.system_type, thing.system_address)
    yield _analog(subject, thing.analog_type, thing.raw, reading, thing.occurred_at)


def _component_analogs(thing: dahua.ComponentAnalogs, reading: Reading, _: int | None) -> Iterable[Statement]:
    subject = _component_of(thing)
    for one in thing.analogs:
        yield _analog(subject, one.analog_type, one.raw, reading, thing.occurred_at)


def _operation(thing: facility.FacilityOperation, reading: Reading, _: int | None) -> Iterable[Statement]:
    yield OperationSaid(
        subject=_system(thing.system_type, thing.system_address),
        flags=thing.operation,
        operator=thing.operator,
        device_time=_moment(thing.operated_at, reading),
    )


def _uitd_operation(thing: uitd.UitdOperation, reading: Reading, _: int | None) -> Iterable[Statement]:
    yield OperationSaid(
        subject=UITD,
        flags=thing.operation,
        operator=thing.operator,
        device_time=_moment(thing.operated_at, reading),
    )


def _text(subject: Subject, kind: str, text: str, reading: Reading, when: TimeTag | None = None) -> TextSaid:
    return TextSaid(subject=subject, kind=kind, text=text, device_time=_moment(when, reading))


def _version(thing: Any, reading: Reading, _: int | None) -> Iterable[Statement]:
    subject = UITD if isinstance(thing, uitd.UitdVersion) else _system(thing.system_type, thing.system_address)
    yield _text(subject, "software_version", f"{thing.major}.{thing.minor}", reading, thing.extra_time)


def _configuration(thing: Any, reading: Reading, _: int | None) -> Iterable[Statement]:
    is_uitd = isinstance(thing, uitd.UitdConfiguration)
    subject = UITD if is_uitd else _system(thing.system_type, thing.system_address)
    yield _text(subject, "configuration", thing.text.text, reading)


def _component_configuration(
    thing: facility.ComponentConfiguration, reading: Reading, _: int | None
) -> Iterable[Statement]:
    yield _text(_component_of(thing), "configuration", thing.description.text, reading)


def _clock(thing: Any, reading: Reading, _: int | None) -> Iterable[Statement]:
    is_uitd = isinstance(thing, uitd.UitdClock)
    subject = UITD if is_uitd else _system(thing.system_type, thing.system_address)
    shown = thing.system_time.wall_clock
    text = shown.isoformat().replace("T", " ") if shown else thing.system_time.octets.hex()
    yield _text(subject, "clock", text, reading, thing.system_time)


#: what a vendor's moment types are called (`TextSaid.kind`); JK 128 to 133, GST 130, 131, 200, 201, 205
_MOMENT_KINDS: Final[Mapping[int, str]] = {
    128: "manufactured",
    129: "signed_up",
    130: "powered_on",
    131: "powered_off",
    132: "system_on",
    133: "system_off",
    189: "signed_up",
    200: "line_state",
    201: "line_restored",
    205: "linkage",
}


def _vendor_moment(thing: Any, reading: Reading, type_flag: int | None) -> Iterable[Statement]:
    has_system = isinstance(thing, jk.SystemSwitched | gst.Linkage)
    subject = _system(thing.system_type, thing.system_address) if has_system else UITD
    label = reading.profile.type_flags.get(type_flag or 0)
    value = f" {thing.value}" if isinstance(thing, gst.LineState | gst.Linkage) else ""
    kind = _MOMENT_KINDS.get(type_flag or 0, "moment")
    yield _text(subject, kind, (label.zh if label else "") + value, reading, thing.occurred_at)


def _printer_line(thing: printer.PrinterLine, reading: Reading, _: int | None) -> Iterable[Statement]:
    yield PanelTextSaid(
        subject=_system(thing.head[0], thing.head[1]),
        kind=thing.kind,
        device_name=thing.name.text,
        position=thing.position.text,
        event=thing.info.text,
        device_time=_moment(thing.printed_at, reading),
    )


def _registration(thing: dahua.Registration, reading: Reading, _: int | None) -> Iterable[Statement]:
    text = f"{thing.model.text} {thing.serial_number.text} v{thing.software_version} IMEI {thing.imei.hex()}"
    yield _text(UITD, "registration", text.strip(), reading)


def _general(thing: dahua.GeneralReport, reading: Reading, _: int | None) -> Iterable[Statement]:
    component = _component_of(thing)
    for item in thing.items:
        event = item.event
        rule = EVENTS.get(event[0]) if event else None
        if event is None or rule is None:
            text = f"{event[0]}: {event[1]:#06x}" if event else f"{item.kind}: {item.octets.hex()}"
            yield _text(component, "event", text, reading, thing.occurred_at)
            continue
        is_system = rule.level is Level.SYSTEM
        subject = _system(thing.system_type, thing.system_address) if is_system else component
        key = f"{subject.system_type}.{subject.system_address}/{subject.component_address}"
        bits = bits_of_event(rule, event[1])
        began, ended = (0, bits) if rule.ends else (bits, 0)
        yield StateSaid(
            subject=subject,
            state=bits if rule.ends else gather(reading.words, key, began, 0),
            device_time=_moment(thing.occurred_at, reading),
            ended=rule.ends,
            extension_bits=True,
        )
        if rule.ends:
            gather(reading.words, key, 0, ended)


_TRANSLATORS: Final[Mapping[type[WireObject], _Translator]] = {
    facility.SystemState: _system_state,
    facility.ComponentState: _component_state,
    facility.AnalogValue: _analog_value,
    facility.FacilityOperation: _operation,
    facility.SoftwareVersion: _version,
    facility.SystemConfiguration: _configuration,
    facility.ComponentConfiguration: _component_configuration,
    facility.SystemClock: _clock,
    uitd.UitdState: _uitd_state,
    uitd.UitdOperation: _uitd_operation,
    uitd.UitdVersion: _version,
    uitd.UitdConfiguration: _configuration,
    uitd.UitdClock: _clock,
    jk.SystemStateRestored: _system_state,
    jk.ComponentStateRestored: _component_state,
    jk.UitdStateRestored: _uitd_state,
    jk.DeviceMoment: _vendor_moment,
    jk.SystemSwitched: _vendor_moment,
    gst.LineState: _vendor_moment,
    gst.Linkage: _vendor_moment,
    dahua.SystemAnalog: _system_analog,
    dahua.ComponentStateExtended: _component_state,
    dahua.ComponentAnalogs: _component_analogs,
    dahua.GeneralReport: _general,
    dahua.Registration: _registration,
    printer.PrinterLine: _printer_line,
}
