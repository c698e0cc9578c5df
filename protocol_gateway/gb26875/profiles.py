"""设备协议配置: what a make of device does otherwise than the standard, as data (section 11.8).

No code asks for a profile's name; it reads what the profile says. To add a device: a line in `PROFILES`. A
new device starts as `standard`. A profile's layouts come before the standard's, so it may also replace one.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from protocol_gateway.gb26875 import vendor_codes
from protocol_gateway.gb26875.bits import COMPONENT_STATE, SYSTEM_STATE, BitField
from protocol_gateway.gb26875.labels import Label
from protocol_gateway.gb26875.layouts import ComponentAddress, Layout
from protocol_gateway.gb26875.objects import LAYOUTS, dahua, gst, jk, printer
from protocol_gateway.gb26875.tables import AnalogType, TypeFlag


class AddressForm(StrEnum):
    """How a vendor prints the six octets of a device address (section 8.2)."""

    NUMBER = "number"
    NUMBER_HIGH_FIRST = "number_high_first"
    HEX = "hex"
    IPV4_PORT = "ipv4_port"


class ComponentAddressForm(StrEnum):
    """How a vendor reads the four octets of a component address (section 11.3)."""

    NUMBER = "number"
    LOOP_NODE = "loop_node"
    NODE_LOOP = "node_loop"
    LOOP_OCTET_NUMBER = "loop_octet_number"
    OCTETS = "octets"


def _ipv4_port(octets: bytes) -> str:
    return f"{'.'.join(map(str, octets[:4]))}:{int.from_bytes(octets[4:], 'big')}"


_PRINT_ADDRESS: Final[Mapping[AddressForm, Callable[[bytes], str]]] = {
    AddressForm.NUMBER: lambda octets: str(int.from_bytes(octets, "little")),
    AddressForm.NUMBER_HIGH_FIRST: lambda octets: str(int.from_bytes(octets, "big")),
    AddressForm.HEX: lambda octets: octets.hex().upper(),
    AddressForm.IPV4_PORT: _ipv4_port,
}

_PRINT_COMPONENT: Final[Mapping[ComponentAddressForm, Callable[[ComponentAddress], str]]] = {
    ComponentAddressForm.NUMBER: lambda address: str(address.int),
    ComponentAddressForm.LOOP_NODE: lambda address: f"{address.words[0]}-{address.words[1]}",
    ComponentAddressForm.NODE_LOOP: lambda address: f"{address.words[1]}-{address.words[0]}",
    ComponentAddressForm.LOOP_OCTET_NUMBER: lambda address: f"{address.octets[0]}-{address.octets[2]}",
    ComponentAddressForm.OCTETS: lambda address: "-".join(map(str, address.octets)),
}


class CommandUse(msgspec.Struct, frozen=True, kw_only=True):
    """A command outside 1 to 6 that a vendor uses: its name and the layouts of its types."""

    label: Label
    layouts: Mapping[int, tuple[Layout, ...]] = msgspec.field(default_factory=dict)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What one make of device does otherwise than the standard; every default is the standard."""

    #: The profile's name in registers and on the command line.
    name: str
    title: Label
    #: Extension types: the layouts to try, best fit first.
    layouts: Mapping[int, tuple[Layout, ...]] = msgspec.field(default_factory=dict)
    #: Commands outside 1 to 6; each is confirmed.
    commands: Mapping[int, CommandUse] = msgspec.field(default_factory=dict)
    type_flags: Mapping[int, Label] = msgspec.field(default_factory=dict)
    system_types: Mapping[int, Label] = msgspec.field(default_factory=dict)
    component_types: Mapping[int, Label] = msgspec.field(default_factory=dict)
    analog_types: Mapping[int, AnalogType] = msgspec.field(default_factory=dict)
    system_state_bits: Mapping[int, Label] = msgspec.field(default_factory=dict)
    component_state_bits: Mapping[int, Label] = msgspec.field(default_factory=dict)
    #: The value of a state word's bit 0 that means normal; the standard's is 1. It never suppresses an alarm.
    bit0_when_normal: int = 1
    #: Whether a system's reset (bit 13) ends every event of the device, not of that system alone.
    reset_ends_device: bool = False
    address_form: AddressForm = AddressForm.NUMBER
    component_address_form: ComponentAddressForm = ComponentAddressForm.LOOP_NODE
    #: Whether time tags are BCD. Never guessed: many values are valid both ways.
    time_bcd: bool = False
    #: What answers the twelve-octet heartbeat; None: it is garbage to skip.
    short_heartbeat_answer: bytes | None = None
    #: One-octet ADUs under command 2 (a vendor's handshake) and the ADU of the confirm they expect.
    one_octet_answers: Mapping[bytes, bytes] = msgspec.field(default_factory=dict)
    #: Whether commands 128 to 255 are confirmed; without this they are denied.
    confirm_user_commands: bool = False
    #: Whether a silent device is asked for its state (type 81).
    poll_81: bool = True
    #: Whether the device asks for the time with command 1, type 90, and gets the same back.
    answers_clock: bool = False
    #: Types whose confirm the device may leave out: sent once, done when the wait ends.
    unanswered_types: frozenset[int] = frozenset()
    #: Whether answers copy a destination of all 0 or all F instead of naming the centre.
    answer_copies_destination: bool = False
    #: Whether answers carry the request's own time tag.
    answer_copies_time: bool = False
    #: Whether frames travel as ASCII hex text.
    hex_text: bool = False

    def layouts_for(self, type_flag: int) -> tuple[Layout, ...]:
        """The layouts of a type under commands 1 to 6, best fit first; empty when nobody knows it."""
        own = self.layouts.get(type_flag)
        if own is not None:
            return own
        standard = LAYOUTS.get(type_flag)
        return () if standard is None else (standard,)

    def bit_label(self, field: BitField, bit: int) -> Label:
        """The meaning of a set bit."""
        own: Mapping[int, Label] = {}
        if field is SYSTEM_STATE:
            own = self.system_state_bits
        elif field is COMPONENT_STATE:
            own = self.component_state_bits
        label = own.get(bit) or field.labels.get(bit)
        return label or Label(f"reserved bit {bit}", f"预留位 {bit}")

    def address_text(self, address: bytes) -> str:
        """A device address as this vendor prints it; the key stays the hex of the wire octets."""
        return _PRINT_ADDRESS[self.address_form](address)

    def component_address_text(self, address: ComponentAddress) -> str:
        """A component address as this vendor reads it."""
        return _PRINT_COMPONENT[self.component_address_form](address)

    def to_wire(self, octets: bytes) -> bytes:
        """A frame in the form in which it travels on this device's link."""
        return octets.hex().upper().encode() if self.hex_text else octets


STANDARD: Final = Profile(name="standard", title=Label("GB/T 26875.3-2011", "国家标准"))

_ALL: Final = (
    STANDARD,
    Profile(
        name="jk",
        title=Label("JK-GH2013G and clones", "JK-GH2013G及兼容"),
        layouts=jk.LAYOUTS,
        type_flags=jk.TYPE_FLAGS,
    ),
    Profile(
        name="dahua",
        title=Label("Dahua supplement 1.02 to 1.04", "大华扩展协议"),
        layouts=dahua.LAYOUTS,
        commands={
            0: CommandUse(label=Label("registration", "注册"), layouts=dahua.REGISTRATION),
            7: CommandUse(label=Label("keep-alive", "保活")),
            0x81: CommandUse(label=Label("function configuration", "功能配置")),
        },
        type_flags=vendor_codes.DAHUA_TYPE_FLAGS,
        system_types=vendor_codes.DAHUA_SYSTEM_TYPES,
        component_types=vendor_codes.DAHUA_COMPONENT_TYPES,
        analog_types=vendor_codes.DAHUA_ANALOG_TYPES,
        system_state_bits=vendor_codes.DAHUA_SYSTEM_STATE_BITS,
        component_state_bits=vendor_codes.DAHUA_COMPONENT_STATE_BITS,
        bit0_when_normal=0,
        reset_ends_device=True,
        address_form=AddressForm.HEX,
        answers_clock=True,
        unanswered_types=frozenset({int(TypeFlag.SYNCHRONISE_CLOCK)}),
    ),
    Profile(
        name="hikvision",
        title=Label("Hikvision", "海康威视"),
        address_form=AddressForm.HEX,
    ),
    Profile(
        name="printer-text",
        title=Label("Printer text, version 2.3", "打印机文本"),
        layouts=printer.LAYOUTS,
        type_flags=printer.TYPE_FLAGS,
        address_form=AddressForm.HEX,
        short_heartbeat_answer=b"@@" + bytes(8) + b"##",
    ),
    Profile(
        name="gst",
        title=Label("GST type", "海湾类"),
        layouts=gst.LAYOUTS,
        type_flags=gst.TYPE_FLAGS,
    ),
    Profile(
        name="dgiot",
        title=Label("One-octet handshake", "单字节握手"),
        address_form=AddressForm.IPV4_PORT,
        one_octet_answers={b"\x16": b"\x17"},
    ),
    Profile(
        name="hex-text",
        title=Label("Frames as ASCII hex text", "十六进制文本"),
        hex_text=True,
    ),
)

#: Every profile by name.
PROFILES: Final[Mapping[str, Profile]] = {profile.name: profile for profile in _ALL}
