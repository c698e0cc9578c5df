"""数据包: one frame of GB/T 26875.3, read and built (section 1).

start 2 | serial 2 | version 2 | time tag 6 | source 6 | destination 6 | length 2 | command 1 | ADU n |
checksum 1 | end 2

Start is `40 40`, end `23 23`; numbers are low octet first; version is major, then the vendor's own.
Nothing is escaped: only the length delimits. The checksum adds serial to ADU, low eight bits.
"""

from struct import Struct
from typing import Final, Self

import msgspec

from protocol_gateway.gb26875.errors import Fault, LocalProtocolError, RemoteFrameError
from protocol_gateway.gb26875.tables import Command
from protocol_gateway.gb26875.wall_clock import WallClock, read_time_tag

START: Final = b"@@"
END: Final = b"##"
HEADER: Final = Struct("<2sHBB6s6s6sHB")
HEADER_SIZE: Final = HEADER.size
TRAILER_SIZE: Final = 3
MAX_ADU: Final = 1024
MIN_FRAME: Final = HEADER_SIZE + TRAILER_SIZE
MAX_FRAME: Final = MIN_FRAME + MAX_ADU
ADDRESS_SIZE: Final = 6
#: `@@` address(6) two octets `##`: a month of 35 cannot be, so twelve octets tell it from a frame.
SHORT_HEARTBEAT_SIZE: Final = 12
MAX_SERIAL: Final = 0xFFFF
_LENGTH: Final = Struct("<H")
_LENGTH_AT: Final = 24
_MARK: Final = 2
_NOBODY: Final = frozenset({b"\x00" * ADDRESS_SIZE, b"\xff" * ADDRESS_SIZE})
#: A header whose length is nonsense is still answered when these hold (section 9).
_PLAUSIBLE_MAJOR_VERSIONS: Final = range(1, 17)
_PLAUSIBLE_COMMANDS: Final = range(1, 7)


class Frame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """数据包: a frame that passed every check, its header fields, and the very octets received.

    `serial` 业务流水号; `version` major and user 版本号; `time_tag` six octets; `source` and `destination`
    six octets in wire order; `command` 命令字节, which may be no `Command`; `adu` 应用数据单元.
    """

    serial: int
    version: tuple[int, int]
    time_tag: bytes
    source: bytes
    destination: bytes
    command: int
    adu: bytes
    octets: bytes

    @property
    def sent_at(self) -> WallClock | None:
        """When the device says it sent this: its wall clock, or None when the tag is no date."""
        return read_time_tag(self.time_tag).wall_clock

    @property
    def type_flag(self) -> int | None:
        """类型标志, or None when the ADU is too short to have one."""
        return self.adu[0] if len(self.adu) > 1 else None

    @property
    def checksum(self) -> int:
        """校验和 as received."""
        return self.octets[-TRAILER_SIZE]

    @property
    def address(self) -> str:
        """The device's key: twelve lower-case hex digits of the source address in wire order."""
        return self.source.hex()

    @property
    def is_anonymous(self) -> bool:
        """Whether the source address is all 0 or all F: no address set."""
        return self.source in _NOBODY

    @classmethod
    def from_octets(cls, octets: bytes) -> Self:
        """The fields of octets whose marks, length and checksum have been proved already."""
        _, serial, major, user, time_tag, source, destination, _, command = HEADER.unpack_from(octets)
        return cls(
            serial=serial,
            version=(major, user),
            time_tag=time_tag,
            source=source,
            destination=destination,
            command=command,
            adu=octets[HEADER_SIZE:-TRAILER_SIZE],
            octets=octets,
        )


def checksum(octets: bytes) -> int:
    """校验和 of the octets between the start mark and the checksum: their sum's low eight bits."""
    return sum(octets) & 0xFF


def adu_length(octets: bytes, offset: int = 0) -> int:
    """应用数据单元长度 as the frame that starts at `offset` claims it; 26 octets must be there."""
    length: int = _LENGTH.unpack_from(octets, offset + _LENGTH_AT)[0]
    return length


def check_whole(octets: bytes) -> Fault | None:
    """What is wrong with 30 + n octets that start with the start mark: end mark, then checksum."""
    if octets[-_MARK:] != END:
        return Fault.END
    if sum(octets[_MARK:-TRAILER_SIZE]) & 0xFF != octets[-TRAILER_SIZE]:
        return Fault.CHECKSUM
    return None


def answer_to_fault(fault: Fault, octets: bytes) -> Command | None:
    """`Command.DENY` where section 9 owes one, else None."""
    if fault is Fault.CHECKSUM:
        return Command.DENY
    if fault is not Fault.LENGTH or len(octets) < HEADER_SIZE:
        return None
    major, command = octets[4], octets[HEADER_SIZE - 1]
    is_plausible = major in _PLAUSIBLE_MAJOR_VERSIONS and command in _PLAUSIBLE_COMMANDS
    return Command.DENY if is_plausible else None


def _fault_of(octets: bytes) -> Fault | None:
    if octets[:_MARK] != START:
        return Fault.START
    if octets[SHORT_HEARTBEAT_SIZE - _MARK : SHORT_HEARTBEAT_SIZE] == END:
        return Fault.SHORT_HEARTBEAT
    if len(octets) < HEADER_SIZE:
        return Fault.TRUNCATED
    size = MIN_FRAME + adu_length(octets)
    if size > MAX_FRAME:
        return Fault.LENGTH
    if len(octets) < size:
        return Fault.TRUNCATED
    return check_whole(octets[:size]) or (Fault.TRAILING if len(octets) > size else None)


def read_frame(octets: bytes) -> Frame:
    """Read exactly one frame. Raises RemoteFrameError, and nothing else, when it is none."""
    fault = _fault_of(octets)
    if fault is not None:
        raise RemoteFrameError(fault, octets, answer_to_fault(fault, octets))
    return Frame.from_octets(octets)


def read_header(octets: bytes) -> Frame | None:
    """The header of a damaged frame, without ADU, to answer it by; None when it is not whole."""
    if len(octets) < HEADER_SIZE or octets[:_MARK] != START:
        return None
    return Frame.from_octets(octets[:HEADER_SIZE] + bytes(TRAILER_SIZE))


def build_frame(
    *,
    serial: int,
    command: int,
    clock: WallClock,
    source: bytes,
    destination: bytes,
    adu: bytes = b"",
    version: tuple[int, int] = (1, 1),
) -> bytes:
    """A frame's octets. Raises LocalProtocolError when a field does not fit its place."""
    return _pack(
        serial=serial,
        version=version,
        time_tag=clock.octets,
        source=source,
        destination=destination,
        command=command,
        adu=adu,
    )


def _pack(
    *,
    serial: int,
    version: tuple[int, int],
    time_tag: bytes,
    source: bytes,
    destination: bytes,
    command: int,
    adu: bytes,
) -> bytes:
    if len(adu) > MAX_ADU:
        raise LocalProtocolError(f"an application data unit holds 1024 octets, not {len(adu)}")
    if len(source) != ADDRESS_SIZE or len(destination) != ADDRESS_SIZE:
        raise LocalProtocolError("an address has six octets")
    if not 0 <= serial <= MAX_SERIAL or not 0 <= command <= 0xFF or not all(0 <= v <= 0xFF for v in version):
        raise LocalProtocolError(f"serial {serial}, version {version} or command {command} does not fit")
    head = HEADER.pack(START, serial, *version, time_tag, source, destination, len(adu), command)
    return b"%b%b%c%b" % (head, adu, checksum(head[_MARK:] + adu), END)


def answer_to(
    frame: Frame,
    command: Command = Command.CONFIRM,
    *,
    clock: WallClock,
    centre: bytes = b"\x00" * ADDRESS_SIZE,
    adu: bytes = b"",
    copies_destination: bool = False,
    copies_time: bool = False,
) -> bytes:
    """The answer to `frame` by section 13.2: serial and version copied, addresses swapped, our clock.

    Where the device addressed nobody (all 0 or all F), `centre` stands as the source, unless the device's
    profile wants the octets copied (`copies_destination`). `copies_time` sends its own time tag back.
    """
    is_copied = copies_destination or frame.destination not in _NOBODY
    source = frame.destination if is_copied else centre
    time_tag = frame.time_tag if copies_time else clock.octets
    return _pack(
        serial=frame.serial,
        version=frame.version,
        time_tag=time_tag,
        source=source,
        destination=frame.source,
        command=command,
        adu=adu,
    )
