"""The doors: every read and every act a person asked for goes through here (house.md §3.7).

Unknown and forbidden look the same: who may not even see a unit is told `NotFound`. Pure; a `Person` carries
the grants it was read with, once for each request.
"""

from backend.core.errors import NotAllowed, NotFound
from backend.core.i18n import _
from backend.core.ids import UnitId
from backend.people.model import Person, Right


def require(person: Person, right: str, unit: UnitId | None) -> None:
    """Pass when `person` has `right` in `unit`; None is what belongs to no unit and is the provider's.

    Raises `NotFound` when the person may not see the unit at all, `NotAllowed` when they see it and lack the
    right.
    """
    if person.may(right, unit):
        return
    if right != Right.SEE and person.may(Right.SEE, unit):
        raise NotAllowed(_("您没有进行此操作的权限"))
    raise NotFound(_("没有找到"))


def units_seen(person: Person) -> frozenset[UnitId] | None:
    """Units whose data the person may read; None means all, and also what belongs to no unit."""
    if person.may(Right.SEE, None):
        return None
    return frozenset(unit for unit in person.units if person.may(Right.SEE, unit))
