"""A work order's story in the reader's language: who did what, when, by what way, and with which words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core.clock import in_zone
from backend.core.db.engine import fetch
from backend.core.i18n import N_, in_a_row, translate
from backend.core.vocabulary import VIA_LABELS, Via
from backend.people.queries import names_of
from backend.work_orders.model import ACT_LABELS, WAIT_LABELS, Act, WaitReason, WorkOrder

_ENTRIES: Final = """
    select e.at, e.kind, e.facts, e.via, p.name from work_order_entries e left join people p on p.id = e.person
    where e.work_order = $1 order by e.at, e.id"""
_SENTENCES: Final = {
    **{str(act): label for act, label in ACT_LABELS.items()},
    "opened": N_("工单产生"),
    "unaccepted": N_("无人接单，已通知消防安全管理人和服务机构值班台"),
    "left": N_("接单人已不再负责该单位，暂无其他维保人员，已通知消防安全管理人和服务机构值班台"),
    "unverified": N_("尚未验收，已提醒单位和服务机构值班台"),
    "overdue": N_("超过约定完成时间，已记录并通知"),
    "found_overdue": N_("检查完成时限"),
    "test_signal": N_("测试信号已收到"),
    "evidence": N_("补充佐证"),
    "location": N_("到场位置"),
    "parts": N_("更换配件"),
    "note": N_("备注"),
}
#: what stands beside another line that says it
_UNSAID: Final = frozenset({"found_overdue"})


class StoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order's story."""

    at: datetime
    kind: str
    text: str
    person: str = ""
    via: str = ""


async def story_of(order: WorkOrder, zone: str, language: str) -> list[StoryLine]:
    """An order's story, oldest first; the caller has asked the doors."""
    rows = [row for row in await fetch(_ENTRIES, order.id) if row["kind"] not in _UNSAID]
    facts = [msgspec.json.decode(row["facts"]) for row in rows]
    named = {UUID(each) for one in facts for each in one.get("to", [])}
    names = {str(each): name for each, name in (await names_of(named)).items()} if named else {}
    return [_line(row, said, names, zone, language) for row, said in zip(rows, facts, strict=True)]


def _line(
    row: Mapping[str, Any], facts: Mapping[str, Any], names: Mapping[str, str], zone: str, language: str
) -> StoryLine:
    words = [translate(_SENTENCES.get(row["kind"], row["kind"]), language)]
    words += [text for text in _details(row["kind"], facts, names, zone, language) if text]
    via = translate(VIA_LABELS[Via(row["via"])], language) if row["via"] else ""
    return StoryLine(
        at=in_zone(row["at"], zone), kind=row["kind"], text=" · ".join(words), person=row["name"] or "", via=via
    )


def _details(kind: str, facts: Mapping[str, Any], names: Mapping[str, str], zone: str, language: str) -> list[str]:
    reason = str(facts.get("reason", ""))  # a person's words, or the service's own
    found = [str(facts.get("what", "")), translate(reason, language) if reason else "", str(facts.get("note", ""))]
    if "wait_reason" in facts:
        found.append(translate(WAIT_LABELS[WaitReason(facts["wait_reason"])], language))
    if kind in {Act.DISPATCH, Act.REASSIGN, Act.ASK_MORE}:
        found.append(in_a_row((names.get(each, "") for each in facts.get("to", [])), language))
    if "signal_at" in facts:
        found.append(in_zone(datetime.fromisoformat(facts["signal_at"]), zone).strftime("%H:%M:%S"))
        found.append(in_a_row((translate(each, language) for each in facts["said"].split("\n")), language))
    if "parts" in facts:
        found.append(in_a_row((f"{each['name']} × {each['quantity']}" for each in facts["parts"]), language))
    if "latitude" in facts:
        found.append(f"{facts['latitude']:.5f}, {facts['longitude']:.5f}")
    if "evidence" in facts:
        found.append(translate(N_("{n} 件"), language, n=len(facts["evidence"])))
    return found
