"""信息对象的布局: how an object lies on the wire, as data, read and written by the same row.

A `FixedLayout` is a list of fields; some end in the time tag of their event, which devices leave out, and
version objects may carry one they should not. A `WalkedLayout` is for objects that say their own length.
"""

import struct
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Final, NamedTuple, Self, TypeAlias

import msgspec

from protocol_gateway.gb26875.deviations import Deviation
from protocol_gateway.gb26875.errors import LocalProtocolError
from protocol_gateway.gb26875.text import read_text
from protocol_gateway.gb26875.wall_clock import TIME_TAG_SIZE, TimeTag, read_bcd_time_tag, read_time_tag


class WireObject(msgspec.Struct, frozen=True, gc=False):
    """信息对象: one object of an application data unit. Its fields are its layout's, in wire order."""

    def mark(self, flags: set[Deviation]) -> None:
        """Add what this object does otherwise than the standard."""


class ComponentAddress(msgspec.Struct, frozen=True, gc=False, order=True):
    """部件地址: four octets in wire order. The key is `hex`; vendors give the octets structure (11.3)."""

    octets: bytes

    @classmethod
    def of_words(cls, first: int, second: int) -> Self:
        """Two 16-bit words, low octet first each: 区号/回路 then 位号/节点."""
        return cls(first.to_bytes(2, "little") + second.to_bytes(2, "little"))

    @classmethod
    def of_int(cls, number: int) -> Self:
        """One 32-bit number, low octet first: the standard's reading."""
        return cls(number.to_bytes(4, "little"))

    @property
    def hex(self) -> str:
        """Eight lower-case hex digits in wire order: the key."""
        return self.octets.hex()

    @property
    def words(self) -> tuple[int, int]:
        """The commonest reading: two words, low octet first each."""
        return int.from_bytes(self.octets[:2], "little"), int.from_bytes(self.octets[2:], "little")

    @property
    def is_unset(self) -> bool:
        """Whether it names no component: all 0 or all F."""
        return self.octets in (b"\x00" * 4, b"\xff" * 4)

    @property
    def int(self) -> int:
        """The standard's reading: one number, low octet first."""
        # Last in the class: behind it, `int` in an annotation would mean this property.
        return int.from_bytes(self.octets, "little")


class Field(NamedTuple):
    """One field: its struct format, and how its value is read and written (None: as struct gives it)."""

    format: str
    read: Callable[[Any], Any] | None = None
    write: Callable[[Any], Any] | None = None


_octets_of = attrgetter("octets")
U8: Final = Field("B")
U16: Final = Field("H")
I16: Final = Field("h")
U32: Final = Field("I")
U64: Final = Field("Q")
ADDRESS: Final = Field("4s", ComponentAddress, _octets_of)
TIME: Final = Field("6s", read_time_tag, _octets_of)
DESCRIPTION_SIZE: Final = 31


def octet_field(size: int) -> Field:
    """A field kept as octets."""
    return Field(f"{size}s")


def text_field(size: int) -> Field:
    """A field of text; what we send is padded with NUL (section 7)."""
    return Field(f"{size}s", read_text, lambda text: text.octets.ljust(size, b"\0"))


#: 部件说明: 31 octets of text; an odd number, so a full field can end in half a character.
DESCRIPTION: Final = text_field(DESCRIPTION_SIZE)


class FixedLayout:
    """An object of fixed size. `timed`: its last field is the event's time tag, which may be left out.

    `optional_time`: the object has no time, yet some devices add one (rule 3 of section 10.1).
    """

    __slots__ = (
        "_bcd_readers",
        "_formats",
        "_readers",
        "_writers",
        "kind",
        "optional_time",
        "size",
        "timed",
        "untimed_size",
    )

    def __init__(
        self,
        kind: Callable[..., WireObject],
        *fields: Field,
        timed: bool = False,
        optional_time: bool = False,
    ) -> None:
        """Lay `kind` out as `fields`, in the order of its attributes."""
        self.kind = kind
        self.timed = timed
        self.optional_time = optional_time
        formats = [field.format for field in fields]
        extended = [*formats, TIME.format] if optional_time else formats
        packers = [struct.Struct("<" + "".join(parts)) for parts in (formats[:-1], extended, formats)]
        self._formats = {packer.size: packer for packer in packers}
        self.size = packers[-1].size
        self.untimed_size = self.size - TIME_TAG_SIZE if timed else self.size
        readers = [field.read for field in fields] + [TIME.read] * optional_time
        self._readers = tuple(readers)
        self._bcd_readers = tuple(read_bcd_time_tag if read is read_time_tag else read for read in readers)
        self._writers = tuple([field.write for field in fields] + [TIME.write] * optional_time)

    def read(self, body: bytes, count: int, size: int, *, bcd: bool = False) -> tuple[WireObject, ...]:
        """`count` objects of `size` octets each; `size` tells whether the time tag is there."""
        unpack = self._formats[size].unpack_from
        readers = self._bcd_readers if bcd else self._readers
        kind = self.kind
        return tuple(
            kind(*[v if get is None else get(v) for get, v in zip(readers, unpack(body, at), strict=False)])
            for at in range(0, count * size, size)
        )

    def times_are_plausible(self, body: bytes, count: int, *, bcd: bool = False) -> bool:
        """Whether each of `count` whole objects ends in a date or six zeros; true for untimed types."""
        if not self.timed:
            return True
        read = read_bcd_time_tag if bcd else read_time_tag
        ends = range(self.size, count * self.size + 1, self.size)
        return all(read(body[end - TIME_TAG_SIZE : end]).is_plausible for end in ends)

    def write(self, thing: WireObject) -> bytes:
        """The octets of one object, without a time if it has none. LocalProtocolError if it does not fit."""
        parts = list(msgspec.structs.astuple(thing))
        size = self.size + TIME_TAG_SIZE * self.optional_time
        if (self.timed or self.optional_time) and parts[-1] is None:
            parts.pop()
            size -= TIME_TAG_SIZE
        packer = self._formats[size]
        try:
            values = tuple(v if put is None else put(v) for put, v in zip(self._writers, parts, strict=False))
            octets = packer.pack(*values)
        except (struct.error, AttributeError) as error:
            raise LocalProtocolError(f"{type(thing).__name__}: {error}") from error
        if packer.unpack(octets) != values:
            raise LocalProtocolError(f"{type(thing).__name__}: a text or address has the wrong size")
        return octets


class WalkedLayout:
    """An object that says its own length: `walk(body, offset)` gives it and where the next begins.

    `walk` returns None when the object runs past the end.
    """

    __slots__ = ("kind", "walk", "write")

    def __init__(
        self,
        kind: type[WireObject],
        walk: Callable[[bytes, int], tuple[WireObject, int] | None],
        write: Callable[[Any], bytes],
    ) -> None:
        """Lay `kind` out by two functions that mirror each other."""
        self.kind = kind
        self.walk = walk
        self.write = write

    def read_all(self, body: bytes) -> tuple[WireObject, ...] | None:
        """Every object of the body, or None when one runs past the end."""
        objects: list[WireObject] = []
        offset = 0
        while offset < len(body):
            step = self.walk(body, offset)
            if step is None:
                return None
            objects.append(step[0])
            offset = step[1]
        return tuple(objects)


Layout: TypeAlias = FixedLayout | WalkedLayout


def write_all(layout: Layout, objects: Iterable[WireObject]) -> bytes:
    """The octets of `objects`, one behind the other."""
    return b"".join(map(layout.write, objects))


def mark_time(tag: TimeTag | None, flags: set[Deviation]) -> None:
    """Flag a time tag that is no date; one that was left out is flagged by the decoder."""
    if tag is not None and tag.wall_clock is None:
        flags.add(Deviation.OBJECT_TIME_INVALID)
