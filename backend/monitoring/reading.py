"""One statement against what was known before: the change it makes. Pure; one small reader a kind of statement."""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2s
from typing import Any, Final

import msgspec

from backend.core.i18n import N_
from backend.core.vocabulary import AlarmClass
from backend.monitoring import rules
from backend.monitoring.changes import Change, Mark, Place
from backend.monitoring.model import (
    AnalogSaid,
    Level,
    LinkSaid,
    OperationSaid,
    PanelTextSaid,
    Report,
    Statement,
    StateSaid,
    Subject,
    TextSaid,
    UnreadableSaid,
)
from backend.monitoring.rules import ANALOG_KEYS, Limits, Standing
from backend.monitoring.words import LIST_MARK
from backend.registry.directory import Directory
from backend.registry.model import AnalogPoint, ComponentFacts, ComponentRole, DeviceFacts

_FAULT_BIT: Final = 1 << 2
_NOWHERE: Final = Place()
_NOT_AUTOMATIC: Final = "pumps_not_automatic"
_CABINETS: Final = frozenset({ComponentRole.PUMP_CABINET_AUTO, ComponentRole.PUMP_CABINET_MANUAL})
#: a point that reports again is no longer stale
STALE: Final = "point_stale"


class LastState(msgspec.Struct, frozen=True, kw_only=True):
    """What a subject last said."""

    state: int
    device_time: datetime | None


class LastAnalog(msgspec.Struct, frozen=True, kw_only=True):
    """What a quantity of a component last said, and the keys of the conditions that stood."""

    standing: frozenset[str]
    device_time: datetime | None


class Known(msgspec.Struct, kw_only=True):
    """What is known before a batch, and brought up to date while it is read."""

    states: dict[str, LastState]
    analogs: dict[tuple[str, int], LastAnalog]


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One report, its device, and where to look things up."""

    report: Report
    device: DeviceFacts
    directory: Directory
    known: Known
    #: said before with the same octets, and since then the device was reset or something restored (13.3): it may be
    #: a new fire, or an old restoration sent once more; so what it finds counts, and what it ends does not
    is_again: bool = False

    def is_late(self, last: datetime | None, said: datetime | None, standing: tuple[Standing, ...]) -> bool:
        """Whether a word is no news of its subject: a stored record, or one said again that finds nothing."""
        if self.is_again and not standing:
            return True
        return rules.is_history(last, said, self.report.sent_at, self.report.received_at)

    def component(self, subject: Subject) -> ComponentFacts | None:
        """The point table's line for a component."""
        if subject.level is not Level.COMPONENT or subject.system_type is None or subject.system_address is None:
            return None
        return self.directory.component(
            self.device.id, subject.system_type, subject.system_address, subject.component_address or ""
        )

    def place(self, subject: Subject, said: str = "") -> Place:
        """Where a subject is: the point table's words, else the panel's own, else the wire key."""
        found = self.directory.place(self.device.id, subject)
        return Place(
            unit_name=found.unit_name,
            timezone=found.timezone,
            building=found.building,
            zone=found.zone,
            floor=found.floor,
            description=found.description or said,
            device_name=found.device_name or self.device.address,
            wire_key=_wire_key(subject) if not found.description else "",
            system_type=subject.system_type,
            component_type=_component_type(subject, self.component(subject)),
            profile=self.device.profile,
        )

    def marks(self, subject: Subject, *more: str) -> tuple[str, ...]:
        """What is to be said besides: an unidentified device, an unknown point, and `more`."""
        marks = [Mark.UNIDENTIFIED] if self.device.unit is None else []
        if self.device.unit is not None and subject.level is Level.COMPONENT and self.component(subject) is None:
            marks.append(Mark.UNKNOWN_POINT)
        return (*marks, *more)


def _wire_key(subject: Subject) -> str:
    parts = (subject.system_type, subject.system_address, subject.component_address)
    return "-".join(str(part) for part in parts if part is not None)


def _component_type(subject: Subject, facts: ComponentFacts | None) -> int | None:
    """The report's own word; an unspecific 0 or none gives way to the point table's."""
    if facts is not None and not subject.component_type:
        return facts.component_type
    return subject.component_type


def _change(
    context: Context,
    key: str,
    subject: Subject,
    *,
    standing: tuple[Standing, ...] = (),
    said: str = "",
    marks: tuple[str, ...] = (),
    **more: Any,
) -> Change:
    """A change of `subject`. Its place is `said` where the point table is silent; without a finding nobody asks."""
    report = context.report
    return Change(
        report=report,
        ledger_id=report.ledger_id,
        device=context.device.id,
        unit=context.device.unit,
        subject=key,
        standing=standing,
        place=context.place(subject, said) if standing else _NOWHERE,
        marks=context.marks(subject, *marks) if standing else (),
        **more,
    )


def _counts(standing: Standing, context: Context) -> bool:
    """Whether a finding counts: an event that makes no alarm is not listed twice."""
    return not context.is_again or standing.condition.alarm_class is not AlarmClass.I


def read_state(said: StateSaid, context: Context) -> Change:
    """A whole state word, or a vendor's word of what ended."""
    subject, key = said.subject, said.subject.key(context.device.id)
    last = context.known.states.get(key)
    facts = context.component(subject)
    role = str(facts.role) if facts else ""
    closed_means = str(facts.closed_means or "") if facts else ""
    part = _component_type(subject, facts)
    found = rules.standing_of_state(said, role=role, closed_means=closed_means, component_type=part)
    standing = tuple(_with_cabinets(each, subject, context) for each in found if _counts(each, context))
    is_history = context.is_late(last.device_time if last else None, said.device_time, standing)
    governed = rules.governed_keys(subject.level)
    if said.ended:
        governed = rules.ended_by(
            said,
            role=role,
            closed_means=closed_means,
            component_type=part,
            last_state=last.state if last else None,
        )
    reset = rules.is_reset(said)
    if not is_history:
        context.known.states[key] = LastState(
            state=rules.whole_word(said, last.state if last else None), device_time=said.device_time
        )
    more = [Mark.TEST] if said.is_test else []
    more += [Mark.HISTORY] if is_history else []
    return _change(
        context,
        key,
        subject,
        said=said.description,
        standing=standing,
        governed=governed,
        ended_by="restored" if said.ended else "signal",
        reset=reset if not is_history else None,
        is_history=is_history,
        marks=tuple(more),
        device_time=said.device_time,
    )


def _with_cabinets(standing: Standing, subject: Subject, context: Context) -> Standing:
    """Item d of a whole system: the word doesn't say which cabinet, so all at its address are named (GB 50440, 5 d)."""
    system_type, system_address = subject.system_type, subject.system_address
    if standing.key != _NOT_AUTOMATIC or subject.level is not Level.SYSTEM or system_type is None:
        return standing
    cabinets = context.directory.components_of(context.device.id, system_type, system_address or 0, _CABINETS)
    names = dict.fromkeys(each.description for each in cabinets if each.description)
    if not names:
        return standing
    return msgspec.structs.replace(standing, facts=(*standing.facts, (N_("控制柜"), LIST_MARK.join(names))))


def _limits(point: AnalogPoint | None) -> Limits | None:
    if point is None:
        return None
    return Limits(
        low=point.low,
        high=point.high,
        hysteresis=point.hysteresis,
        role=str(point.role),
        measure=point.measure,
        scale=point.scale,
    )


def read_analog(said: AnalogSaid, context: Context) -> Change:
    """A value against its limits; the alarm's subject names the quantity too, for a component may have several."""
    subject, component = said.subject, said.subject.key(context.device.id)
    facts = context.component(subject)
    point = facts.points.get(said.quantity) if facts else None
    limits = _limits(point)
    last = context.known.analogs.get((component, said.quantity))
    state = context.known.states.get(component)
    role = rules.role_for(
        str(point.role) if point and point.role != "other" else "",
        _component_type(subject, facts),
        said.quantity,
        facts.description if facts else "",
    )
    standing = rules.standing_of_analog(
        said,
        limits,
        role=role,
        active=last.standing if last else frozenset(),
        has_fault=bool(state and state.state & _FAULT_BIT),
        component_type=_component_type(subject, facts),
    )
    is_history = context.is_late(last.device_time if last else None, said.device_time, standing)
    if not is_history:
        keys = frozenset(each.condition.key for each in standing)
        context.known.analogs[component, said.quantity] = LastAnalog(standing=keys, device_time=said.device_time)
    return _change(
        context,
        f"{component}/q{said.quantity}",
        subject,
        standing=tuple(
            each
            for each in standing
            if not is_history or rules.history_alarms(each, said.device_time, context.report.received_at)
        ),
        governed=ANALOG_KEYS | {STALE},
        is_history=is_history,
        device_time=said.device_time,
    )


def read_operation(said: OperationSaid, context: Context) -> Change:
    """Somebody pressed something; a reset ends earlier signals, a manual alarm is a fire."""
    return _change(
        context,
        said.subject.key(context.device.id),
        said.subject,
        standing=tuple(each for each in rules.events_of_operation(said) if _counts(each, context)),
        reset=rules.is_reset(said),
        device_time=said.device_time,
    )


def read_panel_text(said: PanelTextSaid, context: Context) -> Change:
    """A printer line: its place is part of its name, for the wire gives no address."""
    place = rules.panel_place(said)
    return _change(
        context,
        f"{said.subject.key(context.device.id)}/text/{place}",
        said.subject,
        said=place,
        standing=rules.standing_of_panel_text(said),
        governed=rules.panel_text_ends(said),
        ended_by="restored",
        reset=rules.is_panel_reset(said),
        marks=(Mark.FROM_TEXT,),
        device_time=said.device_time,
    )


def read_unreadable(said: UnreadableSaid, context: Context) -> Change:
    """Never silent: a possible fire, or a report nobody can read (10.3). Another text about a fire is another fire."""
    subject = Subject(level=Level.UITD)
    text = f"-{blake2s(said.fire_text.encode(), digest_size=8).hexdigest()}" if said.fire_text else ""
    return _change(
        context,
        f"{context.device.id}/type-{said.type_flag}{text}",
        subject,
        standing=rules.standing_of_unreadable(said),
        marks=(Mark.FROM_TEXT,) if said.fire_text else (),
    )


def read_link(said: LinkSaid, context: Context) -> Change:
    """The gateway's own word on the link."""
    subject = Subject(level=Level.UITD)
    return _change(
        context,
        f"{context.device.id}/link",
        subject,
        standing=rules.standing_of_link(said),
        governed=frozenset({"link_lost"}),
        ended_by="link",
    )


def read_text(said: TextSaid, context: Context) -> Change:
    """Versions, configurations, clocks: kept and shown, never an alarm."""
    return _change(context, said.subject.key(context.device.id), said.subject, device_time=said.device_time)


#: statement → its reader
READERS: Final[Mapping[type[Statement], Callable[..., Change]]] = {
    StateSaid: read_state,
    AnalogSaid: read_analog,
    OperationSaid: read_operation,
    PanelTextSaid: read_panel_text,
    UnreadableSaid: read_unreadable,
    LinkSaid: read_link,
    TextSaid: read_text,
}


def read(said: Statement, context: Context) -> Change:
    """The change that a statement makes."""
    change = READERS[type(said)](said, context)
    if context.is_again:
        return msgspec.structs.replace(change, governed=frozenset(), reset=None)
    return change
