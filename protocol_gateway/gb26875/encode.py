"""应用数据单元的编码: from objects to the unit that carries them, as strict as decoding is tolerant."""

from collections.abc import Sequence

from protocol_gateway.gb26875.errors import LocalProtocolError
from protocol_gateway.gb26875.frame import MAX_ADU
from protocol_gateway.gb26875.layouts import Layout, WireObject, write_all
from protocol_gateway.gb26875.profiles import STANDARD, Profile
from protocol_gateway.gb26875.tables import TypeFlag

_MAX_COUNT = 255
_LIMITS = {int(flag): flag.max_objects for flag in TypeFlag}


def _layout_for(type_flag: int, objects: Sequence[WireObject], profile: Profile) -> Layout:
    refusal: LocalProtocolError | None = None
    for layout in profile.layouts_for(type_flag):
        if all(type(thing) is layout.kind for thing in objects):
            try:
                write_all(layout, objects)
            except LocalProtocolError as error:
                refusal = error
            else:
                return layout
    raise refusal or LocalProtocolError(f"type {type_flag} does not carry these objects")


def encode_adu(type_flag: int, objects: Sequence[WireObject], profile: Profile = STANDARD) -> bytes:
    """The application data unit that carries `objects` under `type_flag`.

    Raises LocalProtocolError when the type is unknown, the objects are not its own, one does not fit its
    fields, or there are more than the standard allows.
    """
    limit = _LIMITS.get(type_flag, _MAX_COUNT)
    if not 1 <= len(objects) <= limit:
        raise LocalProtocolError(f"type {type_flag} carries 1 to {limit} objects, not {len(objects)}")
    adu = bytes((type_flag, len(objects))) + write_all(_layout_for(type_flag, objects, profile), objects)
    if len(adu) > MAX_ADU:
        raise LocalProtocolError(f"an application data unit holds 1024 octets, not {len(adu)}")
    return adu
