"""Printer-text dialect: a panel's printer line relayed as text, type 9 (section 11.6).

The text decides what it says, the kind seconds it; 3 was a fire in every capture.
"""

from collections.abc import Mapping
from typing import Final

from protocol_gateway.gb26875.deviations import Deviation
from protocol_gateway.gb26875.errors import LocalProtocolError
from protocol_gateway.gb26875.labels import Label
from protocol_gateway.gb26875.layouts import Layout, WalkedLayout, WireObject, mark_time
from protocol_gateway.gb26875.objects.facility import counted_text, write_counted_text
from protocol_gateway.gb26875.text import Text
from protocol_gateway.gb26875.wall_clock import TIME_TAG_SIZE, TimeTag, read_time_tag

PRINTER_LINE: Final = 9
_HEAD_SIZE: Final = 4

#: What the kind octet said in captures, where it always meant the same.
KINDS: Final[Mapping[int, Label]] = {
    0x00: Label("reset or other", "复位或其他"),
    0x01: Label("reset or other", "复位或其他"),
    0x02: Label("fire", "火警"),
    0x03: Label("fire", "火警"),
    0x05: Label("fault", "故障"),
    0x09: Label("feedback, linkage, restore or operation", "反馈、联动、恢复或操作"),
    0x21: Label("feedback, linkage, restore or operation", "反馈、联动、恢复或操作"),
    0x41: Label("supervisory", "监管"),
}


class PrinterLine(WireObject, frozen=True, gc=False):
    """打印机行, type 9: [head 4][kind 1][L1][name][L2][position][L3][event text][printed 6]."""

    head: bytes
    kind: int
    name: Text
    position: Text
    info: Text
    printed_at: TimeTag

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd texts and times."""
        for text in (self.name, self.position, self.info):
            flags |= text.deviations
        mark_time(self.printed_at, flags)


def _walk(body: bytes, offset: int) -> tuple[WireObject, int] | None:
    at = offset + _HEAD_SIZE + 1
    texts: list[Text] = []
    for _ in range(3):
        counted = counted_text(body, at)
        if counted is None:
            return None
        texts.append(counted[0])
        at = counted[1]
    end = at + TIME_TAG_SIZE
    if end > len(body):
        return None
    head, kind = body[offset : offset + _HEAD_SIZE], body[offset + _HEAD_SIZE]
    name, position, said = texts
    return PrinterLine(head, kind, name, position, said, read_time_tag(body[at:end])), end


def _write(thing: PrinterLine) -> bytes:
    if len(thing.head) != _HEAD_SIZE or not 0 <= thing.kind <= 0xFF:
        raise LocalProtocolError("a printer line has a head of four octets and a kind of one")
    texts = b"".join(map(write_counted_text, (thing.name, thing.position, thing.info)))
    return thing.head + bytes((thing.kind,)) + texts + thing.printed_at.octets


LAYOUTS: Final[Mapping[int, tuple[Layout, ...]]] = {PRINTER_LINE: (WalkedLayout(PrinterLine, _walk, _write),)}
TYPE_FLAGS: Final[Mapping[int, Label]] = {PRINTER_LINE: Label("printer line", "打印机文本")}
