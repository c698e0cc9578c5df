"""What a status key's argument says: a system, a component or a quantity behind a device, in ten characters. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import msgspec

from backend.core.errors import NotFound
from backend.core.i18n import N_
from backend.monitoring.model import Level, Subject

_SYSTEM: Final = 4
_COMPONENT: Final = 6
_QUANTITY: Final = 7


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A system (with the page of its list), one of its components, or one quantity of that."""

    system: tuple[int, int]
    page: int = 0
    component: str = ""
    quantity: int | None = None

    @property
    def subject(self) -> Subject:
        """The component as monitoring names it."""
        return Subject(
            level=Level.COMPONENT,
            system_type=self.system[0],
            system_address=self.system[1],
            component_address=self.component,
        )

    def packed(self) -> str:
        """As it travels."""
        octets = bytes(self.system)
        if self.component:
            octets += bytes.fromhex(self.component)
            octets += bytes([self.quantity]) if self.quantity is not None else b""
        else:
            octets += self.page.to_bytes(2, "big")
        return urlsafe_b64encode(octets).decode().rstrip("=")


def part_of(argument: str) -> Part:
    """The other way round. Raises `NotFound` for what is no such argument."""
    try:
        octets = urlsafe_b64decode(argument + "=" * (-len(argument) % 4))
    except ValueError:
        octets = b""
    if len(octets) == _SYSTEM:
        return Part(system=(octets[0], octets[1]), page=int.from_bytes(octets[2:], "big"))
    if len(octets) in {_COMPONENT, _QUANTITY}:
        quantity = octets[6] if len(octets) == _QUANTITY else None
        return Part(system=(octets[0], octets[1]), component=octets[2:6].hex(), quantity=quantity)
    raise NotFound(N_("没有找到"))
