"""What people do with masks: ask, approve, refuse, lift, extend. One transaction each, in the ledger too.

The rule: approval is another person's, and a mask's scope, end and reason never change after it was asked for; to
extend is to ask for a new one, during which the old one goes on.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms.masks.locating import Located, locate
from backend.alarms.masks.model import (
    LONGEST_REASON,
    MASK_SCOPES,
    Mask,
    MaskState,
    Scope,
    ScopeKind,
    approved,
    begun,
    check_until,
    moved,
)
from backend.alarms.masks.releasing import Released, cover_standing, release_ended, tell
from backend.alarms.masks.rows import MASK_COLUMNS, insert_mask, locked_mask, mask_made, mask_of, put_mask
from backend.alarms.masks.telling import redraw_mask, tell_of_mask
from backend.core import clock
from backend.core.db.engine import fetch, transaction
from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.core.ids import DeviceId, new_id
from backend.core.live import Hint
from backend.core.vocabulary import Via
from backend.ledger.service import record_action
from backend.people.doors import require
from backend.people.model import Person, Right

#: also those that wait for approval: approved later, they would begin over what was repaired
_OF_COMPONENT: Final = f"""
    select {MASK_COLUMNS} from masks m
    where m.state in ('active', 'asked') and m.scope = 'component' and m.device = $1 and m.system_type = $2
      and m.system_address = $3 and m.component_address = $4 order by m.id for no key update"""
_OF_DEVICE: Final = f"""
    select {MASK_COLUMNS} from masks m
    where m.state in ('active', 'asked') and m.scope = 'device' and m.device = $1 order by m.id for no key update"""
_CONTROLS: Final = dict.fromkeys((*range(0x20), 0x7F), " ")


def clean_reason(reason: str) -> str:
    """A reason as it is stored. Raises `BadInput` when there is none: a mask without a reason does not exist."""
    cleaned = reason.translate(_CONTROLS).strip()[:LONGEST_REASON]
    if not cleaned:
        raise BadInput(N_("请填写原因"))
    return cleaned


async def ask(
    person: Person,
    scope: Scope,
    reason: str,
    until: datetime,
    via: Via,
    *,
    until_repaired: bool = False,
    extends: UUID | None = None,
    mask_id: UUID | None = None,
) -> Mask:
    """申请屏蔽: begins at once, or waits for a second person when it reaches fire points.

    `until_repaired`: a component's own restoration on the wire lifts it. `mask_id`: of a caller who may ask twice (a
    key, a chat's draft); the second time the mask is found. Raises `BadInput` for an end beyond the
    policy, `NotFound`, `NotAllowed`.
    """
    if scope.kind not in MASK_SCOPES or not scope.is_whole:
        raise BadInput(N_("屏蔽范围不正确"))
    if until_repaired and scope.kind is not ScopeKind.COMPONENT:
        raise BadInput(N_("只有单个部件的屏蔽可以在修复后自动解除"))
    released = Released()
    async with transaction():
        now = clock.now()
        at = await locate(person, scope, Right.MASK)
        if (made := await mask_made(mask_id)) is not None:
            return made
        check_until(until, is_fire=at.is_fire, now=now)
        mask = await insert_mask(
            _new(person, scope, at, clean_reason(reason), until, until_repaired, extends, now, mask_id)
        )
        if mask.is_fire:
            await tell_of_mask(mask, "asked", released, now)
        else:
            mask = await _begin(mask, begun(mask, now), person, released)
        await _record(person.code, "mask.asked", mask, via)
    await tell(released)
    return mask


async def approve(person: Person, mask_id: UUID, via: Via) -> Mask:
    """批准屏蔽: by a second person. A second tap finds it active.

    Raises `NoSuchMask`, `NotAllowed`, `SamePerson`, `MaskMovedOn`.
    """
    released = Released()
    async with transaction():
        mask = await locked_mask(person, mask_id)
        require(person, Right.APPROVE_MASK, mask.unit)
        if mask.state is MaskState.ACTIVE and mask.decided_by == person.id:
            return mask
        mask = await _begin(mask, approved(mask, person.id, clock.now()), person, released)
        await _record(person.code, "mask.approved", mask, via)
    await tell(released)
    return mask


async def refuse(person: Person, mask_id: UUID, why: str, via: Via) -> Mask:
    """不批准: says why. Raises `NoSuchMask`, `NotAllowed`, `MaskMovedOn`."""
    released = Released()
    async with transaction():
        mask = await locked_mask(person, mask_id)
        require(person, Right.APPROVE_MASK, mask.unit)
        if mask.state is MaskState.REFUSED and mask.decided_by == person.id:
            return mask
        mask = await _end(mask, MaskState.REFUSED, person, clean_reason(why), released)
        await _record(person.code, "mask.refused", mask, via)
    await tell(released)
    return mask


async def lift(person: Person, mask_id: UUID, why: str, via: Via) -> Mask:
    """解除屏蔽: what stands still is told at once. Whoever may ask may lift; a second tap finds it lifted.

    Raises `NoSuchMask`, `NotAllowed`, `MaskMovedOn`.
    """
    released = Released()
    async with transaction():
        mask = await locked_mask(person, mask_id)
        require(person, Right.MASK, mask.unit)
        if mask.state is MaskState.LIFTED:
            return mask
        mask = await _end(mask, MaskState.LIFTED, person, why.translate(_CONTROLS).strip()[:LONGEST_REASON], released)
        await _record(person.code, "mask.lifted", mask, via)
    await tell(released)
    return mask


async def extend(  # noqa: PLR0917 - what is extended, and how
    person: Person, mask_id: UUID, reason: str, until: datetime, via: Via, new_mask: UUID | None = None
) -> Mask:
    """延长: a new mask over the same; over fire points it waits for approval anew, and the old one goes on till then.

    `new_mask`: as `ask`'s `mask_id`. Raises what `ask` raises, and `NoSuchMask`.
    """
    async with transaction():
        old = await locked_mask(person, mask_id)
        require(person, Right.MASK, old.unit)
        if (made := await mask_made(new_mask)) is not None:
            return made
        if old.state is not MaskState.ACTIVE:
            raise BadInput(N_("只能延长正在生效的屏蔽"))
        options = {"until_repaired": old.is_until_repaired, "extends": old.id, "mask_id": new_mask}
    return await ask(person, old.scope, reason, until, via, **options)  # type: ignore[arg-type]


async def lift_for_repair(  # noqa: PLR0917 - the component's wire key
    person: Person, device: DeviceId, system_type: int, system_address: int, component_address: str, why: str, via: Via
) -> list[Mask]:
    """A component was repaired (a work order was finished): its own masks are lifted; answers them.

    Masks of a wider scope stay: others are behind them too. Raises `NotFound`, `NotAllowed`.
    """
    released = Released()
    async with transaction():
        lifted = await lift_repaired(person, (device, system_type, system_address, component_address), why, released)
        await record_lifted(person, lifted, via)
    await tell(released)
    return lifted


async def lift_repaired(
    person: Person, key: tuple[DeviceId, int, int, str], why: str, released: Released
) -> list[Mask]:
    """`lift_for_repair` inside the caller's transaction, who calls `record_lifted` at its end and then tells."""
    return await _lift_all(person, await fetch(_OF_COMPONENT, *key), why, released)


async def lift_over_device(person: Person, device: DeviceId, why: str, released: Released) -> list[Mask]:
    """A device that was silent is repaired: the masks over that device are lifted. As `lift_repaired`."""
    return await _lift_all(person, await fetch(_OF_DEVICE, device), why, released)


async def _lift_all(person: Person, rows: Sequence[dict[str, Any]], why: str, released: Released) -> list[Mask]:
    lifted = []
    for row in rows:
        mask = mask_of(row)
        require(person, Right.MASK, mask.unit)
        lifted.append(await _end(mask, MaskState.LIFTED, person, why, released))
    return lifted


async def record_lifted(person: Person, lifted: Sequence[Mask], via: Via) -> None:
    """Masks that a repair lifted, in the ledger."""
    for mask in lifted:
        await _record(person.code, "mask.lifted", mask, via)


def _new(  # noqa: PLR0917 - a mask's parts
    person: Person,
    scope: Scope,
    at: Located,
    reason: str,
    until: datetime,
    until_repaired: bool,
    extends: UUID | None,
    now: datetime,
    mask_id: UUID | None,
) -> Mask:
    return Mask(
        id=mask_id or new_id(),
        number=0,
        unit=at.unit,
        scope=scope,
        what=at.what,
        reason=reason,
        is_fire=at.is_fire,
        is_until_repaired=until_repaired,
        state=MaskState.ASKED,
        asked_by=person.id,
        asked_at=now,
        until_at=until,
        extends=extends,
    )


async def _begin(before: Mask, mask: Mask, person: Person, released: Released) -> Mask:
    """In force from now on; the mask that it extends has done its part."""
    await put_mask(before, mask)
    if mask.extends is not None:
        old = await locked_mask(person, mask.extends)
        if old.state is MaskState.ACTIVE:
            await _end(old, MaskState.LIFTED, person, f"extended by mask {mask.number}", released)
    await cover_standing(mask.unit, released)
    await redraw_mask(mask, released)
    released.hints.append(Hint(unit=str(mask.unit)))
    return mask


async def _end(mask: Mask, to: MaskState, person: Person, why: str, released: Released) -> Mask:
    ended = moved(mask, to, clock.now(), person.id, why)
    await put_mask(mask, ended)
    await release_ended(released)
    await redraw_mask(ended, released)
    released.hints.append(Hint(unit=str(mask.unit)))
    return ended


async def _record(actor: str, what: str, mask: Mask, via: Via) -> None:
    await record_action(actor, what, {**facts_of(mask), "via": str(via)})


def facts_of(mask: Mask) -> dict[str, Any]:
    """A mask as the ledger keeps it."""
    scope = msgspec.to_builtins(mask.scope)
    facts = {
        "mask": str(mask.id),
        "number": mask.number,
        "unit": str(mask.unit),
        "scope": scope,
        "reason": mask.reason,
        "is_fire": mask.is_fire,
        "state": str(mask.state),
        "until": mask.until_at.isoformat(),
    }
    return facts | ({"why": mask.ended_why} if mask.ended_why else {})
