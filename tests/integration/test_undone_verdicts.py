"""A verdict that is taken back while an earlier one stands: the earlier one holds, and nobody is rung again."""

from datetime import timedelta

from backend.alarms.queries import alarm_for
from backend.alarms.service import judge
from backend.alarms.undoing import undo_verdict
from backend.core import clock
from backend.core.ids import AlarmId
from backend.core.vocabulary import Verdict, Via
from backend.people.model import Person
from tests.integration.test_chat_alarms import at, escalations, fire, li, wang

__all__ = ["fire", "li", "wang"]


async def test_a_verdict_undone_while_an_earlier_one_stands_rings_nobody(
    fire: AlarmId, wang: Person, li: Person
) -> None:
    now = clock.now()
    with at(now):
        await judge(wang, fire, Verdict.FALSE, Via.TELEGRAM, "水汽")
    with at(now + timedelta(minutes=3)):
        await judge(li, fire, Verdict.REAL, Via.TELEGRAM)
        await undo_verdict(li, fire, Via.TELEGRAM)
    assert (await alarm_for(wang, fire)).verdict is Verdict.FALSE
    assert {state for state, _ in await escalations()} == {"ended"}
