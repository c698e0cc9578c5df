"""Printer lines, unreadable reports, links, history, and names for people."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.monitoring.model import Level, LinkSaid, PanelTextSaid, StateSaid, Subject, UnreadableSaid
from backend.monitoring.rules import (
    Reset,
    history_alarms,
    is_history,
    is_panel_reset,
    panel_place,
    panel_text_ends,
    standing_of_link,
    standing_of_panel_text,
    standing_of_state,
    standing_of_unreadable,
)
from backend.monitoring.words import (
    component_type_name,
    fact_text,
    quantity_name,
    system_type_name,
)

NOW = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
PANEL = Subject(level=Level.SYSTEM, system_type=1, system_address=1)


def line(event: str, kind: int = 0, device: str = "点型感烟", position: str = "3层走道") -> PanelTextSaid:
    return PanelTextSaid(subject=PANEL, kind=kind, device_name=device, position=position, event=event)


@pytest.mark.parametrize(
    ("event", "kind", "key"),
    [
        ("火警", 3, "panel_fire"),
        ("首次火警", 2, "panel_fire"),
        ("火灾报警", 0, "panel_fire"),
        ("", 3, "panel_fire"),
        ("火警测试", 3, "panel_fire"),
        ("火警测试", 9, "panel_other"),
        ("火警恢复", 3, "panel_restored"),
        ("系统复位", 0, "panel_reset"),
        ("故障", 5, "panel_detector_fault"),
        ("主电故障", 5, "panel_fault"),
        ("节点故障", 0, "panel_fault"),
        ("监管", 0x41, "panel_supervisory"),
        ("", 0x41, "panel_supervisory"),
        ("屏蔽", 0, "panel_disabled"),
        ("反馈", 0x21, "panel_started"),
        ("气体喷洒启动", 9, "panel_release"),
        ("开机", 1, "panel_other"),
    ],
)
def test_a_printer_line_is_told_by_its_text_and_then_by_its_kind(event: str, kind: int, key: str) -> None:
    assert [each.key for each in standing_of_panel_text(line(event, kind))] == [key]


@given(st.text(), st.integers(0, 255), st.text())
def test_no_printer_line_raises_or_is_dropped(event: str, kind: int, device: str) -> None:
    said = line(event, kind, device)
    assert len(standing_of_panel_text(said)) == 1
    panel_text_ends(said)
    is_panel_reset(said)


def test_a_restore_line_ends_what_it_names_and_a_plain_one_all() -> None:
    assert panel_text_ends(line("火警恢复")) == {"panel_fire"}
    assert panel_text_ends(line("故障恢复", 5)) == {"panel_fault", "panel_detector_fault"}
    assert "panel_fire" in panel_text_ends(line("恢复"))
    assert panel_text_ends(line("火警", 3)) == frozenset()


def test_a_reset_line_resets_its_system() -> None:
    assert is_panel_reset(line("系统复位")) == Reset(rule="T-5", system_type=1, system_address=1)
    assert is_panel_reset(line("火警", 3)) is None


def test_a_printer_line_names_its_place() -> None:
    assert panel_place(line("火警", position=" 301 ")) == "301"
    assert panel_place(line("火警", position="", device="回路1")) == "回路1"


def test_an_unreadable_report_is_a_fire_only_by_its_words_and_never_silent() -> None:
    (fire,) = standing_of_unreadable(UnreadableSaid(type_flag=200, body="00", fire_text="一层火警"))
    assert (str(fire.condition.alarm_class), fire.rule) == ("F", "V-1")
    assert ("文本", "一层火警") in fire.facts
    (other,) = standing_of_unreadable(UnreadableSaid(type_flag=None, body="00"))
    assert (str(other.condition.alarm_class), other.rule) == ("A", "V-2")


@pytest.mark.clause("4.4.2")
def test_a_lost_link_stands_until_it_is_back() -> None:
    (lost,) = standing_of_link(LinkSaid(is_lost=True, silent_since=NOW))
    assert str(lost.condition.alarm_class) == "C"
    assert standing_of_link(LinkSaid(is_lost=False)) == ()


def test_an_older_device_time_is_history() -> None:
    assert is_history(NOW, NOW - timedelta(seconds=1), NOW + timedelta(seconds=5), NOW)
    assert is_history(NOW, NOW - timedelta(hours=1), None, NOW + timedelta(seconds=5))


def test_the_same_or_a_newer_or_no_device_time_is_news() -> None:
    assert not is_history(NOW, NOW, NOW, NOW)
    assert not is_history(NOW, NOW + timedelta(seconds=1), NOW, NOW)
    assert not is_history(None, NOW, NOW, NOW)
    assert not is_history(NOW, None, NOW, NOW)


def test_a_clock_that_was_set_back_makes_no_history() -> None:
    ahead = NOW + timedelta(days=1)
    assert not is_history(ahead, NOW, NOW, NOW)
    assert not is_history(ahead, NOW, None, NOW)


def test_a_historic_fire_alarms_for_a_day_and_a_historic_fault_not_at_all() -> None:
    subject = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40)
    fire, fault = standing_of_state(StateSaid(subject=subject, state=0b110))
    assert history_alarms(fire, NOW - timedelta(hours=24), NOW)
    assert not history_alarms(fire, NOW - timedelta(hours=24, seconds=1), NOW)
    assert not history_alarms(fault, NOW - timedelta(hours=1), NOW)
    assert not history_alarms(fire, None, NOW)


def test_names_are_the_standards_then_the_profiles_then_unknown() -> None:
    assert component_type_name(40) == "感烟火灾探测器"
    assert component_type_name(131, profile="dahua") == "液位传感器"
    assert component_type_name(131) == "未知部件类型 131"
    assert system_type_name(11) == "消火栓系统"
    assert system_type_name(99) == "未知系统类型 99"
    assert quantity_name(2) == "高度"
    assert quantity_name(77) == "未知模拟量类型 77"


def test_a_facts_text_is_left_as_it_is_in_chinese() -> None:
    for text in ("故障", "故障、电源故障", "1.79 m", "9、15", "{brace}"):
        assert fact_text(text) == text
