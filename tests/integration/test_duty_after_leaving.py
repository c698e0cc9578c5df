"""A handover that its person began and left behind keeps nobody else from handing over (5.4.1)."""

import pytest

from backend.core.clock import StillClock
from backend.core.db.engine import fetch
from backend.core.vocabulary import Role, Via
from backend.duty.checks import answer, ask
from backend.duty.handovers import begin, cancel, sign, take
from backend.duty.log import log_for
from backend.duty.model import ABANDONED_AFTER, HandoverMovedOn, HandoverState, NoSuchCheck, NotYourTurn
from backend.duty.queries import checks_for, handover_for, open_handover_for
from backend.people.queries import person_by_code
from backend.people.service import deactivate, revoke
from tests.integration.test_duty import TEN, cards, people, sample, the_unit
from tests.integration.test_duty_checks import on_rota

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
    shown, content = await handover_for(here, left.id)
    assert (shown.id, content.outgoing, content.outgoing_code) == (left.id, gone.name, gone.code)
    await cancel(here, left.id, Via.PHONE)
    mine = await begin(here, unit, Via.PHONE)
    assert mine.id != left.id
    signed = await sign(here, mine.id, Via.PHONE)
    assert (await take(other, signed.id, Via.PHONE)).state is HandoverState.TAKEN
    rows = await fetch("select state from handovers where id = $1", left.id)
    assert rows == [{"state": "cancelled"}]
    acts = await fetch("select 1 from ledger where facts::jsonb->>'what' = 'handover.cancelled'")
    assert len(acts) == 1


@pytest.mark.parametrize("is_signed", [False, True])
async def test_who_left_a_handover_lying_hears_who_cancelled_it(sample: StillClock, is_signed: bool) -> None:
    li, wang = await people("li", "wang")
    left = await begin(li, await the_unit(), Via.PHONE)
    if is_signed:
        await sign(li, left.id, Via.PHONE)
    sample.advance(ABANDONED_AFTER)
    await cancel(wang, left.id, Via.PHONE)
    told = [card for card in await cards(left.id, "li") if card.status == "已作废"]
    assert [fact.value for card in told for fact in card.facts if fact.label == "作废人"] == ["王经理"]
    assert not any(card.keys for card in told)
    assert {card.where for card in told} == {"交班人 李值班"}
    assert (await log_for(wang))[0].text == f"#{left.number} 交接班已作废"
    await cancel(wang, left.id, Via.PHONE)
    assert len([card for card in await cards(left.id, "li") if card.status == "已作废"]) == len(told), "said once"


async def test_who_cancels_their_own_handover_is_told_nothing(sample: StillClock) -> None:
    (li,) = await people("li")
    left = await begin(li, await the_unit(), Via.PHONE)
    await cancel(li, left.id, Via.PHONE)
    assert await cards(left.id, "li") == []


@pytest.mark.parametrize("how", ["left", "no longer on duty"])
async def test_a_check_whose_people_all_left_meanwhile_is_answered_by_who_is_there(
    sample: StillClock, how: str
) -> None:
    await on_rota("zhao")
    zhao, wang, li = await people("zhao", "wang", "li")
    check = await ask(wang, await the_unit(), TEN, "", Via.PHONE)
    assert check.people == (zhao.id,)
    with pytest.raises(NotYourTurn):
        await answer(li, check.id, Via.PHONE)
    assert [line.may_answer for line in await checks_for(li)] == [False]
    if how == "left":
        await deactivate(zhao.id)
    else:
        for grant in zhao.grants:
            await revoke(zhao.id, Role(grant.role), grant.unit)
        with pytest.raises(NoSuchCheck):
            await answer(await person_by_code("zhao"), check.id, Via.PHONE)
    with pytest.raises(NotYourTurn):
        await answer(wang, check.id, Via.PHONE)  # never who asks
    assert [line.may_answer for line in await checks_for(li)] == [True]
    assert (await answer(li, check.id, Via.PHONE)).state == "answered"
