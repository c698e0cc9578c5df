"""A duty check is answered, not taken back by the house that was asked (查岗)."""

from datetime import timedelta

import pytest

from backend.core.clock import StillClock
from backend.core.vocabulary import Via
from backend.duty.checks import ask, withdraw
from backend.duty.model import CheckState, NotYourTurn
from backend.duty.queries import checks_for
from backend.people.model import Right
from backend.people.queries import colleagues, person
from tests.integration.test_duty import sample, the_unit

__all__ = ["sample"]


async def test_who_answers_for_the_unit_can_not_take_the_providers_check_back(sample: StillClock) -> None:
    unit = await the_unit()
    known = [await person(each.id) for each in await colleagues(unit)]
    manager = next(each for each in known if each.may(Right.CHECK_DUTY, unit) and not each.is_provider)
    desk = next(each for each in known if each.may(Right.CHECK_DUTY, None))
    check = await ask(desk, unit, timedelta(minutes=5), "", Via.CONSOLE)
    assert not (await checks_for(manager))[0].may_withdraw
    with pytest.raises(NotYourTurn):
        await withdraw(manager, check.id, Via.TELEGRAM)
    assert (await checks_for(desk))[0].may_withdraw
    assert (await withdraw(desk, check.id, Via.CONSOLE)).state is CheckState.WITHDRAWN
    own = await ask(manager, unit, timedelta(minutes=5), "", Via.PHONE)
    assert (await withdraw(manager, own.id, Via.PHONE)).state is CheckState.WITHDRAWN
