"""Wire keys: device addresses and component addresses as the registry keeps them. Pure.

The key of a device is its 6 octets as 12 lower-case hex digits in wire order; the key of a component its 4
octets as 8 (GB/T 26875.3 extract, 8.2 and 11.3). Every printed form is derived from these.
"""

import re
from typing import Final

from backend.core.i18n import _

_SEPARATORS: Final = str.maketrans("", "", " :-._")
_DEVICE: Final = re.compile(r"[0-9a-f]{12}")
_NUMBER: Final = re.compile(r"[0-9]{1,10}|0[xX][0-9a-fA-F]{1,8}")
_WIDTH: Final = 4
_LARGEST: Final = 0xFFFF_FFFF
#: what a frame names that is for nobody, or for everybody; no device has it
NOBODY: Final = frozenset({"0" * 12, "f" * 12})


def device_address(text: str) -> str:
    """The wire form of a device's address, from any usual writing (790300000000, 79:03:00:00:00:00 …).

    Raises ValueError with a sentence.
    """
    wire = text.translate(_SEPARATORS).lower()
    if not _DEVICE.fullmatch(wire):
        raise ValueError(_("设备地址应为线上顺序的 12 位十六进制数字,如 790300000000(在 Excel 中请设为文本)"))
    if wire in NOBODY:
        raise ValueError(_("全 0 和全 f 的地址不属于任何设备"))
    return wire


def component_address(text: str) -> str:
    """The wire form (low octet first, 8 hex digits) of a 32-bit number in decimal or 0x-hex.

    Raises ValueError with a sentence.
    """
    number = -1
    if _NUMBER.fullmatch(text):
        number = int(text, 16) if text[:2] in {"0x", "0X"} else int(text)
    if not 0 <= number <= _LARGEST:
        raise ValueError(_("部件地址应为 0 到 4294967295 的整数,或 0x 开头的十六进制数"))
    return number.to_bytes(_WIDTH, "little").hex()


def component_number(wire: str) -> int:
    """The 32-bit number of a component's wire form."""
    return int.from_bytes(bytes.fromhex(wire), "little")
