"""The neutral Cards of a mask and of a drill's or test's window, in a person's language and the unit's zone. Pure."""

from typing import Final

from backend.alarms.masks.model import (
    STATE_LABELS,
    WINDOW_LABELS,
    WINDOW_STATE_LABELS,
    Mask,
    MaskState,
    Window,
    WindowState,
)
from backend.core.clock import in_zone
from backend.core.i18n import N_, translate
from backend.core.ids import AlarmId, PersonId
from backend.core.vocabulary import Severity
from backend.delivery.model import Card, Fact, Key

_ICON: Final = "🔕"
_HEADLINES: Final = {
    "asked": N_("请批准屏蔽"),
    "reminder": N_("屏蔽即将到期"),
    "repaired": N_("部件已恢复，屏蔽已解除"),
}
_FORM: Final = "%Y-%m-%d %H:%M"
#: what travels in a key; short, and never given another meaning
APPROVE, REFUSE, LIFT, MORE, SHOW, ASK, PART = "m-ok", "m-no", "m-lift", "m-more", "m-show", "m-ask", "m-part"
#: what a card offers by its state: the rights are asked for when it is pressed
_KEYS: Final = {
    MaskState.ASKED: ((N_("批准"), APPROVE, "primary"), (N_("拒绝"), REFUSE, "plain")),
    MaskState.ACTIVE: ((N_("提前解除"), LIFT, "plain"), (N_("延长"), MORE, "plain")),
}
Names = dict[PersonId, str]


def mask_card(mask: Mask, names: Names, unit: str, zone: str, language: str, *, why: str) -> Card:
    """The card of a mask as it stands; `why` says why people are told: asked, reminder, repaired."""

    def word(label: str, value: str) -> Fact:
        return Fact(translate(label, language), value)

    facts = [word(N_("申请人"), names.get(mask.asked_by, ""))]
    if mask.decided_by is not None:
        facts.append(word(N_("批准人"), names.get(mask.decided_by, "")))
    facts.append(word(N_("截止时间"), in_zone(mask.until_at, zone).strftime(_FORM)))
    if mask.ended_at is not None:
        facts.append(word(N_("结束时间"), in_zone(mask.ended_at, zone).strftime(_FORM)))
    headline = _HEADLINES[why] if mask.state in {MaskState.ASKED, MaskState.ACTIVE} or why == "repaired" else N_("屏蔽")
    return Card(
        alarm=AlarmId(mask.id),
        about="mask",
        number=mask.number,
        severity=Severity.ABNORMAL,
        icon=_ICON,
        headline=translate(headline, language),
        status=translate(STATE_LABELS[mask.state], language),
        is_active=mask.state in {MaskState.ASKED, MaskState.ACTIVE},
        unit=unit,
        where=mask.what,
        what=mask.reason,
        facts=tuple(facts),
        keys=mask_keys(mask.state, language),
        raised_at=in_zone(mask.asked_at, zone),
        revision=mask.revision,
    )


def mask_keys(state: MaskState, language: str) -> tuple[tuple[Key, ...], ...]:
    """The row of buttons of a mask as it stands; none when it is over."""
    row = tuple(Key(translate(label, language), verb, style=style) for label, verb, style in _KEYS.get(state, ()))
    return (row,) if row else ()


def window_card(window: Window, names: Names, unit: str, zone: str, language: str) -> Card:
    """The card of a window: that it began, or that it is over."""
    kind = translate(WINDOW_LABELS[window.kind], language)
    is_over = window.state is WindowState.ENDED
    return Card(
        alarm=AlarmId(window.id),
        about="window",
        number=window.number,
        severity=Severity.ABNORMAL,
        icon=_ICON,
        headline=translate(N_("{kind}已结束") if is_over else N_("{kind}开始"), language, kind=kind),
        status=translate(WINDOW_STATE_LABELS[window.state], language),
        is_active=not is_over,
        banner=kind,
        unit=unit,
        where=window.what,
        what=window.reason,
        facts=(
            Fact(translate(N_("负责人"), language), names.get(window.opened_by, "")),
            Fact(translate(N_("开始时间"), language), in_zone(window.from_at, zone).strftime(_FORM)),
            Fact(translate(N_("截止时间"), language), in_zone(window.until_at, zone).strftime(_FORM)),
        ),
        raised_at=in_zone(window.from_at, zone),
        revision=window.revision,
    )
