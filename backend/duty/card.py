"""The neutral Cards of a duty check and of a handover, in a person's language and the unit's zone. Pure."""

from typing import Final

from backend.core.clock import in_zone
from backend.core.i18n import N_, in_a_row, translate
from backend.core.ids import AlarmId, PersonId
from backend.core.vocabulary import Severity
from backend.delivery.model import Card, Fact, Key
from backend.duty.model import (
    CHECK_LABELS,
    HANDOVER_LABELS,
    CheckState,
    Content,
    DutyCheck,
    Handover,
    HandoverState,
)

_FORM: Final = "%m-%d %H:%M:%S"
Names = dict[PersonId, str]


def check_card(check: DutyCheck, names: Names, unit: str, zone: str, language: str) -> Card:
    """A duty check as it stands; whoever is on duty answers by its key."""

    def word(label: str, value: str) -> Fact:
        return Fact(translate(label, language), value)

    facts = [
        word(N_("当班人员"), in_a_row((names.get(each, "") for each in check.people), language)),
        word(N_("发起人"), names.get(check.asked_by, "")),
        word(N_("答复时限"), in_zone(check.until_at, zone).strftime(_FORM)),
    ]
    if check.answered_by is not None and check.answered_at is not None:
        label = N_("迟到的答复") if check.is_late else N_("答复")
        at = in_zone(check.answered_at, zone).strftime(_FORM)
        facts.append(word(label, f"{names.get(check.answered_by, '')} {at}"))
    is_open = check.state in {CheckState.ASKED, CheckState.MISSED} and check.answered_by is None
    return Card(
        alarm=AlarmId(check.id),
        about="check",
        number=check.number,
        severity=Severity.ABNORMAL,
        icon="🧍",
        headline=translate(N_("查岗"), language),
        status=translate(CHECK_LABELS[check.state], language),
        is_active=is_open,
        unit=unit,
        where=translate(check.question, language),
        facts=tuple(facts),
        keys=((Key(translate(N_("我在岗"), language), "dc-here", style="primary"),),) if is_open else (),
        raised_at=in_zone(check.asked_at, zone),
        revision=check.revision,
    )


def handover_card(
    handover: Handover, content: Content, names: Names, language: str, cancelled_by: PersonId | None = None
) -> Card:
    """A handover that waits for the incoming person's signature, or what became of it."""
    is_open = handover.state is HandoverState.SIGNED
    facts = [Fact(translate(each.label, language), str(each.count)) for each in content.sections]
    if handover.decided_by is not None:
        facts.append(Fact(translate(N_("接班人"), language), names.get(handover.decided_by, "")))
    if cancelled_by is not None:
        facts.append(Fact(translate(N_("作废人"), language), names.get(cancelled_by, "")))
    if handover.why:
        facts.append(Fact(translate(N_("原因"), language), handover.why))
    see, decline = translate(N_("查看并签字"), language), translate(N_("不接班，说明原因"), language)
    keys = {
        HandoverState.SIGNED: ((Key(see, "ho-show", style="primary"),), (Key(decline, "ho-refuse", style="danger"),)),
        HandoverState.REFUSED: ((Key(translate(N_("查看交接班"), language), "ho-show", style="primary"),),),
    }
    return Card(
        alarm=AlarmId(handover.id),
        about="handover",
        number=handover.number,
        severity=Severity.ABNORMAL,
        icon="🔁",
        headline=translate(N_("交接班"), language),
        status=translate(HANDOVER_LABELS[handover.state], language),
        is_active=is_open,
        unit=content.unit_name,
        where=translate(N_("交班人 {name}"), language, name=content.outgoing),
        what=content.notes,
        facts=tuple(facts),
        keys=keys.get(handover.state, ()),
        raised_at=in_zone(content.at, content.timezone),
        revision=handover.revision,
    )
