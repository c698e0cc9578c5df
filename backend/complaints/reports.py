"""The month's figures and the month's complaints as a table (CSV), through the person's doors (5.5, 5.2.4)."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from backend.complaints.figures import Figures, RoundLine, figures_of
from backend.complaints.model import CAUSE_LABELS, STATE_LABELS, CauseClass, State
from backend.core import clock
from backend.core.clock import in_zone
from backend.core.db.engine import fetch
from backend.core.errors import BadInput, NotAllowed
from backend.core.i18n import N_, translate
from backend.core.vocabulary import COMPLAINT_LABELS, ComplaintKind
from backend.delivery.deadline_export import cell
from backend.people.model import Person, Right

_MONTH: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_SEEN: Final = "(c.about_person is distinct from $1 and $1 <> all(c.named) and ($2 or c.unit = any($3::uuid[])))"
#: a round that was opened again before it was rated was asked about like any other, and ended there
_ROUNDS: Final = f"""
    select c.kind, c.number as complaint, r.number, r.began_at, r.reply_due_at, r.settle_due_at, r.replied_at,
        r.paused_at, r.settled_at, r.cause, r.improvement, r.is_justified, r.rating_asked_at,
        r.rating, coalesce(r.closed_at, later.began_at) as closed_at
    from complaint_rounds r join complaints c on c.id = r.complaint
        left join complaint_rounds later on later.complaint = r.complaint and later.number = r.number + 1
    where {_SEEN} and r.began_at < $5
      and (r.began_at >= $4 or r.closed_at is null or r.closed_at >= $4 or r.reply_due_at >= $4
           or r.settle_due_at >= $4 or r.settled_at >= $4)"""
_LINES: Final = f"""
    select c.number, u.name as unit, u.timezone, c.kind, c.state, who.name as complainant, has.name as assignee,
        c.about_words, c.text, c.filed_at, r.number + 1 as round, r.began_at, r.reply_due_at, r.replied_at,
        r.settle_due_at, r.settled_at, r.is_justified, r.cause, r.improvement, r.rating, r.rating_reason, r.closed_at,
        (select string_agg(b.kind, ' ' order by b.kind) from complaint_breaches b
         where b.complaint = c.id and b.round = r.number) as breaches
    from complaint_rounds r join complaints c on c.id = r.complaint join units u on u.id = c.unit
        join people who on who.id = c.complainant left join people has on has.id = c.assignee
    where {_SEEN} and r.began_at >= $4 and r.began_at < $5 order by c.number, r.number"""
_HEAD: Final = (
    ("number", N_("编号")), ("unit", N_("联网单位")), ("kind", N_("类别")), ("state", N_("状态")),
    ("complainant", N_("投诉人")), ("assignee", N_("处理人")), ("about_words", N_("关于")), ("text", N_("内容")),
    ("filed_at", N_("提交时间")), ("round", N_("轮次")), ("began_at", N_("本轮开始")),
    ("reply_due_at", N_("首次答复时限")), ("replied_at", N_("首次答复")), ("settle_due_at", N_("办结时限")),
    ("settled_at", N_("办结")), ("is_justified", N_("是否成立")), ("cause", N_("原因类别")),
    ("improvement", N_("改进措施")), ("rating", N_("满意度")), ("rating_reason", N_("评价理由")),
    ("closed_at", N_("关闭时间")), ("breaches", N_("超时")),
)  # fmt: skip
_WORDS: Final[dict[str, Callable[[str], str]]] = {
    "kind": lambda value: COMPLAINT_LABELS[ComplaintKind(value)],
    "state": lambda value: STATE_LABELS[State(value)],
    "cause": lambda value: CAUSE_LABELS[CauseClass(value)],
}
_JUSTIFIED: Final = {True: N_("成立"), False: N_("不成立")}
_BREACHES: Final = {"reply": N_("首次答复超时"), "settlement": N_("办结超时")}


def month_of(text: str, timezone: str) -> tuple[datetime, datetime]:
    """The month asked for ("2026-11"; empty: the present one) from its first moment to its end, in a zone.

    Raises `BadInput`.
    """
    text = text or f"{in_zone(clock.now(), timezone):%Y-%m}"
    found = _MONTH.fullmatch(text)
    if found is None:
        raise BadInput(N_("月份应为 2026-11 的形式"))
    year, month = int(found[1]), int(found[2])
    zone = ZoneInfo(timezone)
    after = (year + month // 12, month % 12 + 1)
    return datetime(year, month, 1, tzinfo=zone).astimezone(UTC), datetime(*after, 1, tzinfo=zone).astimezone(UTC)


def _doors(person: Person) -> tuple[UUID, bool, list[UUID]]:
    units: list[UUID] = [unit for unit in person.units if person.may(Right.SEE_COMPLAINTS, unit)]
    handles = person.may(Right.HANDLE_COMPLAINTS, None)
    if not handles and not units:
        raise NotAllowed(N_("您没有进行此操作的权限"))
    return person.id, handles, units


async def figures_for(person: Person, month: str, timezone: str) -> Figures:
    """The month's figures over what the person answers for. Raises `BadInput`, `NotAllowed`."""
    since, until = month_of(month, timezone)
    rows = await fetch(_ROUNDS, *_doors(person), since, until)
    return figures_of(msgspec.convert(rows, list[RoundLine]), since, until, clock.now())


async def export_csv(person: Person, month: str, timezone: str) -> str:
    """The rounds that began in the month, one a line; a spreadsheet takes no cell for a formula."""
    since, until = month_of(month, timezone)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([translate(label, person.language) for _, label in _HEAD])
    for row in await fetch(_LINES, *_doors(person), since, until):
        writer.writerow([cell(_word(name, row, person.language)) for name, _ in _HEAD])
    # without its mark a spreadsheet takes Chinese for another encoding
    return "\ufeff" + out.getvalue()


def _word(name: str, row: dict[str, Any], language: str) -> object:
    value = row[name]
    if isinstance(value, datetime):
        return in_zone(value, row["timezone"]).isoformat(sep=" ", timespec="seconds")
    if name == "is_justified":
        return translate(_JUSTIFIED[value], language) if value is not None else ""
    if name == "breaches":
        return " ".join(translate(_BREACHES[each], language) for each in (value or "").split())
    return translate(_WORDS[name](value), language) if value and name in _WORDS else value
