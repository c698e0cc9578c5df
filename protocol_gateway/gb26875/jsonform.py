"""解码结果的 JSON 形式: a frame as one JSON object, in the shape of the vector files (section 16).

Keys are the section's; beside each code stands its name in English and Chinese.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from protocol_gateway.gb26875 import tables
from protocol_gateway.gb26875.bits import BitField, bits_of
from protocol_gateway.gb26875.buffer import ShortHeartbeat
from protocol_gateway.gb26875.decode import Decoded, decode
from protocol_gateway.gb26875.errors import Fault, RemoteFrameError
from protocol_gateway.gb26875.frame import Frame, adu_length, checksum, read_frame, read_header
from protocol_gateway.gb26875.layouts import ComponentAddress, WireObject
from protocol_gateway.gb26875.objects import dahua
from protocol_gateway.gb26875.profiles import STANDARD, Profile
from protocol_gateway.gb26875.text import Text
from protocol_gateway.gb26875.wall_clock import TimeTag, read_bcd_time_tag, read_time_tag

Json = dict[str, Any]
_Writer = Callable[[Any, WireObject, Profile], Json]


def _address(octets: bytes) -> Json:
    return {"hex": octets.hex(), "int": int.from_bytes(octets, "little")}


def _time(name: str, tag: TimeTag | None) -> Json:
    if tag is None:
        return {name: None}
    if tag.wall_clock is None:
        return {name: None, f"{name}_raw": tag.octets.hex()}
    return {name: tag.wall_clock.isoformat()}


def _system_type(code: int, _: WireObject, profile: Profile) -> Json:
    return {"system_type": code, "system_type_name": tables.system_type_label(code, profile).both()}


def _component_type(code: int, _: WireObject, profile: Profile) -> Json:
    return {"part_type": code, "part_type_name": tables.component_type_label(code, profile).both()}


def _component_address(address: ComponentAddress, thing: WireObject, _: Profile) -> Json:
    words = list(address.words)
    form: Json = {"part_address": {"hex": address.hex, "int": address.int, "words": words}}
    if type(thing).__module__ == dahua.__name__:
        form |= {"loop": words[0], "node": words[1]}
    return form


def _bits(name: str) -> _Writer:
    def write(word: int, thing: WireObject, profile: Profile) -> Json:
        field: BitField = getattr(thing, "bit_field")  # noqa: B009 - only objects with such a word come here
        numbers = list(bits_of(word))
        names = [profile.bit_label(field, number).both() for number in numbers]
        return {name: word, f"{name}_bits": numbers, f"{name}_bit_names": names}

    return write


def _reading(analog: int, raw: int, profile: Profile) -> Json:
    row = tables.analog_type(analog, profile)
    return {
        "analog_type": analog,
        "analog_type_name": tables.analog_type_label(analog, profile).both(),
        "raw": raw,
        "unit": row.unit if row else None,
        "value": str(row.value(raw)) if row else None,
    }


def _analog(code: int, thing: WireObject, profile: Profile) -> Json:
    raw: int = getattr(thing, "raw")  # noqa: B009 - every object with an analog type has a raw value
    return _reading(code, raw, profile)


def _readings(analogs: tuple[dahua.Reading, ...], _: WireObject, profile: Profile) -> Json:
    return {"analogs": [_reading(one.analog_type, one.raw, profile) for one in analogs]}


def _items(items: tuple[dahua.Tlv, ...], _: WireObject, __: Profile) -> Json:
    return {
        "items": [
            {"kind": item.kind, "hex": item.octets.hex(), "event": list(item.event) if item.event else None}
            for item in items
        ],
    }


def _version(major: int, thing: WireObject, _: Profile) -> Json:
    minor: int = getattr(thing, "minor")  # noqa: B009 - a major version never stands alone
    return {"version": [major, minor]}


def _counted_text(text: Text, _: WireObject, __: Profile) -> Json:
    return {"length": len(text.octets), "text": text.text}


def _nothing(_: object, __: WireObject, ___: Profile) -> Json:
    return {}


def _extra_time(tag: TimeTag | None, _: WireObject, __: Profile) -> Json:
    return {} if tag is None else _time("extra_time", tag)


#: Attributes that need more than their value; all else is written by its kind.
_WRITERS: Final[Mapping[str, _Writer]] = {
    "system_type": _system_type,
    "component_type": _component_type,
    "component_address": _component_address,
    "state": _bits("state"),
    "operation": _bits("operation"),
    "analog_type": _analog,
    "raw": _nothing,
    "analogs": _readings,
    "items": _items,
    "major": _version,
    "minor": _nothing,
    "text": _counted_text,
    "extra_time": _extra_time,
}


def _plain(name: str, value: object) -> Json:
    if isinstance(value, TimeTag) or name.endswith(("_at", "_time")):
        return _time(name, value if isinstance(value, TimeTag) else None)
    if isinstance(value, Text):
        return {name: value.text}
    if isinstance(value, bytes):
        return {name: value.hex()}
    return {name: value}


def object_as_json(thing: WireObject, profile: Profile = STANDARD) -> Json:
    """One object, its codes named as `profile` names them."""
    form: Json = {}
    for name in thing.__struct_fields__:
        value = getattr(thing, name)
        writer = _WRITERS.get(name)
        form |= writer(value, thing, profile) if writer else _plain(name, value)
    return form


def _header(frame: Frame, profile: Profile) -> Json:
    read = read_bcd_time_tag if profile.time_bcd else read_time_tag
    return {
        "serial": frame.serial,
        "version": list(frame.version),
        **_time("sent_at", read(frame.time_tag)),
        "source_address": _address(frame.source),
        "destination_address": _address(frame.destination),
    }


def _command_name(command: int, profile: Profile) -> str:
    use = profile.commands.get(command)
    return (use.label if use else tables.command_label(command)).both()


def _frame(frame: Frame, decoded: Decoded, profile: Profile) -> Json:
    objects = decoded.objects
    form: Json = {
        **_header(frame, profile),
        "app_length": len(frame.adu),
        "command": frame.command,
        "command_name": _command_name(frame.command, profile),
        "type": decoded.type_flag,
    }
    if decoded.type_flag is not None:
        form["type_name"] = tables.type_flag_label(decoded.type_flag, profile).both()
    form["count"] = decoded.count
    form["objects"] = None if objects is None else [object_as_json(thing, profile) for thing in objects]
    if decoded.body is not None:
        form["body_hex"] = decoded.body.hex()
    if decoded.extra:
        form["extra_hex"] = decoded.extra.hex()
    form["checksum"] = frame.checksum
    form["deviations"] = sorted(decoded.deviations)
    return form


def _error(error: RemoteFrameError, profile: Profile) -> Json:
    form: Json = {"error": error.fault.value}
    if error.fault is Fault.SHORT_HEARTBEAT:
        return {**form, "source_address": _address(ShortHeartbeat(error.octets, b"").source)}
    header = read_header(error.octets)
    if header is None:
        return form
    if error.fault is not Fault.CHECKSUM:
        return {
            **form,
            "serial": header.serial,
            "app_length": adu_length(error.octets),
            "command": header.command,
        }
    adu = error.octets[27:-3]
    has_type = len(adu) > 1
    return {
        **form,
        **_header(header, profile),
        "app_length": len(adu),
        "command": header.command,
        "type": adu[0] if has_type else None,
        "count": adu[1] if has_type else None,
        "checksum": error.octets[-3],
        "checksum_expected": checksum(error.octets[2:-3]),
    }


def as_json(
    what: Frame | RemoteFrameError,
    decoded: Decoded | None = None,
    profile: Profile = STANDARD,
) -> Json:
    """The frame, or the error with what its octets still tell, as one JSON object."""
    if isinstance(what, RemoteFrameError):
        return _error(what, profile)
    return _frame(what, decoded or decode(what, profile), profile)


def _octets_of(line: str, profile: Profile) -> bytes:
    octets = bytes.fromhex(line)
    return bytes.fromhex(octets.decode("ascii")) if profile.hex_text else octets


def decode_hex_line(line: str, profile: Profile = STANDARD) -> tuple[Json, bool]:
    """One frame as hex (spaces allowed): its JSON object, and whether it was a good frame.

    A bad one gives `{"error": fault, …}` with what can still be read. A heartbeat that the profile answers
    is good.
    """
    try:
        octets = _octets_of(line.strip(), profile)
    except ValueError:
        return {"error": Fault.NOT_HEX.value}, False
    try:
        frame = read_frame(octets)
    except RemoteFrameError as error:
        if error.fault is Fault.SHORT_HEARTBEAT and profile.short_heartbeat_answer:
            heartbeat = ShortHeartbeat(octets, profile.short_heartbeat_answer)
            source = _address(heartbeat.source)
            return {
                "short_heartbeat": True,
                "source_address": source,
                "answer_hex": heartbeat.answer.hex(),
            }, True
        return as_json(error, profile=profile), False
    return as_json(frame, profile=profile), True
