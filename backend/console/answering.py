"""The buttons under an alarm, on the phone and at the duty desk: who may answer what, and what they said already."""

from typing import Final

import msgspec

from backend.alarms.card import alarm_card, verdicts_of
from backend.alarms.masks.model import INSIDE_MARKS
from backend.alarms.model import Alarm
from backend.core.i18n import N_
from backend.core.vocabulary import Verdict
from backend.delivery.model import Verb
from backend.people.model import Person, Right

#: what a button does and its words on the phone, by the card's verb (experience.md, the phone alarm card)
BUTTONS: Final = {
    Verb.ACKNOWLEDGE: ("acknowledge", "", N_("我已知晓")),
    Verb.VERDICT_REAL: ("verdict", Verdict.REAL, N_("真实火警")),
    Verb.VERDICT_FALSE: ("verdict", Verdict.FALSE, N_("误报")),
    Verb.VERDICT_TEST: ("verdict", Verdict.TEST, N_("测试/检修")),
    Verb.VERDICT_FAULT: ("verdict", Verdict.FAULT, N_("报修")),
}
#: what a drill or a mask kept quiet is real: everybody is told
_MAKE_REAL: Final[tuple[str, str, str]] = ("make_real", Verdict.REAL, N_("升级为真实"))
_RIGHT_FOR: Final = {"acknowledge": Right.ACKNOWLEDGE, "verdict": Right.JUDGE, "make_real": Right.ACKNOWLEDGE}


class Answer(msgspec.Struct, frozen=True):
    """A button under an alarm."""

    does: str
    verdict: str
    label: str


def answers(alarm: Alarm, person: Person, *, is_told_again: bool = False) -> list[Answer]:
    """The buttons this person gets: not what they said already, nor what they have no right to.

    `is_told_again`: nobody judged in time, and what they said is asked once more.
    """
    knows = not is_told_again and any(known.person == person.id for known in alarm.known_by)
    offered = [BUTTONS[each.verb] for each in alarm_card(alarm, person.language).actions if each.verb in BUTTONS]
    # what was taken for no fire may be one after all; a real one is put right in a chat, or closed as what it was
    if alarm.verdict not in {None, Verdict.REAL} and alarm.closed_at is None:
        others = [BUTTONS[each.verb] for each in verdicts_of(alarm)]
        offered += [each for each in others if each[1] != alarm.verdict and each not in offered]
    is_quiet = INSIDE_MARKS.intersection(alarm.marks) and alarm.closed_at is None
    if is_quiet and BUTTONS[Verb.VERDICT_REAL] not in offered:
        offered.append(_MAKE_REAL)
    return [
        Answer(does, verdict, label)
        for does, verdict, label in offered
        if person.may(_RIGHT_FOR[does], alarm.unit) and not (knows and does == "acknowledge")
    ]
