"""A handover that its person began and left behind keeps nobody else from handing over (5.4.1)."""

import pytest

from backend.core.clock import StillClock
from backend.core.db.engine import fetch
from backend.core.vocabulary import Role, Via
from backend.duty.handovers import begin, cancel, sign, take
from backend.duty.model import HandoverMovedOn, HandoverState, NotYourTurn
from backend.duty.queries import handover_for, open_handover_for
from backend.people.service import deactivate, revoke
from tests.integration.test_duty import people, sample, the_unit

__all__ = ["sample"]


@pytest.mark.parametrize("how", ["left", "no longer on duty"])
async def test_a_draft_of_somebody_who_left_gives_way_to_the_next(sample: StillClock, how: str) -> None:
    unit = await the_unit()
    codes = await fetch(
        """select p.code from people p join grants g on g.person = p.id and g.unit = $1
           and g.role in ('unit_manager', 'unit_duty') order by p.code""",
        unit,
    )
    gone, here, other = await people(*[row["code"] for row in codes[:3]])
    left = await begin(gone, unit, Via.PHONE)
    with pytest.raises(HandoverMovedOn):
        await begin(here, unit, Via.PHONE)
    with pytest.raises(NotYourTurn):
        await cancel(here, left.id, Via.PHONE)
    if how == "left":
        await deactivate(gone.id)
    else:
        for grant in gone.grants:
            await revoke(gone.id, Role(grant.role), grant.unit)
    line = await open_handover_for(here, unit)
    assert line is not None
    assert line.may_cancel
    assert not line.may_sign
    assert (await handover_for(here, left.id))[0].id == left.id
    await cancel(here, left.id, Via.PHONE)
    mine = await begin(here, unit, Via.PHONE)
    assert mine.id != left.id
    signed = await sign(here, mine.id, Via.PHONE)
    assert (await take(other, signed.id, Via.PHONE)).state is HandoverState.TAKEN
    rows = await fetch("select state from handovers where id = $1", left.id)
    assert rows == [{"state": "cancelled"}]
    acts = await fetch("select 1 from ledger where facts::jsonb->>'what' = 'handover.cancelled'")
    assert len(acts) == 1
