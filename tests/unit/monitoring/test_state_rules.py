"""What a state word says: precedence, the six items, contacts, restores, resets, unknown codes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.vocabulary import AlarmClass
from backend.monitoring.conditions import ALL_CONDITIONS, CONDITIONS, STATE_RULES
from backend.monitoring.conditions_component import CONTACTS
from backend.monitoring.model import Level, OperationSaid, StateSaid, Subject
from backend.monitoring.rules import (
    Reset,
    Standing,
    ended_by,
    events_of_operation,
    governed_keys,
    is_reset,
    reset_ends,
    standing_of_state,
    whole_word,
)
from backend.registry.model import CLOSED_MEANS_LABELS, COMPONENT_ROLE_LABELS, ClosedMeans, ComponentRole

WORDS = st.integers(0, (1 << 64) - 1) | st.integers(0, 0xFFFF)
CODES = st.none() | st.integers(0, 255)
ROLES = st.sampled_from(["", "nonsense", *ComponentRole])
MEANINGS = st.sampled_from(["", "nonsense", *ClosedMeans])


def word(*bits: int) -> int:
    return sum(1 << bit for bit in bits)


def part(code: int | None, *bits: int, system: int = 1, **more: bool) -> StateSaid:
    subject = Subject(
        level=Level.COMPONENT,
        system_type=system,
        system_address=1,
        component_type=code,
        component_address="0a000200",
    )
    return StateSaid(subject=subject, state=word(*bits), **more)


def system(code: int, *bits: int, **more: bool) -> StateSaid:
    subject = Subject(level=Level.SYSTEM, system_type=code, system_address=1)
    return StateSaid(subject=subject, state=word(*bits), **more)


def told(standing: tuple[Standing, ...]) -> set[tuple[str, str, str | None]]:
    return {(str(each.condition.alarm_class), each.rule, each.condition.item) for each in standing}


@st.composite
def statements(draw: st.DrawFn, ended: bool = False) -> StateSaid:
    level = draw(st.sampled_from(Level))
    subject = Subject(
        level=level,
        system_type=draw(CODES),
        system_address=1,
        component_type=draw(CODES) if level is Level.COMPONENT else None,
    )
    vendor = draw(st.booleans())
    return StateSaid(subject=subject, state=draw(WORDS), extension_bits=vendor, ended=ended)


@given(statements(), ROLES, MEANINGS)
@settings(max_examples=300)
def test_no_state_word_raises_and_every_set_bit_is_told_of(said: StateSaid, role: str, means: str) -> None:
    standing = standing_of_state(said, role=role, closed_means=means)
    assert standing or not said.state & ~1 or _only_healthy_contacts(said, role, means)


def _only_healthy_contacts(said: StateSaid, role: str, means: str) -> bool:
    return bool(role or means) and not said.state & ~word(0, 5, 6)


@given(statements(), ROLES, MEANINGS)
@settings(max_examples=300)
def test_bit_0_never_changes_a_finding(said: StateSaid, role: str, means: str) -> None:
    other = StateSaid(subject=said.subject, state=said.state ^ 1, extension_bits=said.extension_bits)
    assert standing_of_state(said, role=role, closed_means=means) == standing_of_state(
        other, role=role, closed_means=means
    )


@given(statements(), st.booleans())
def test_a_test_mark_suppresses_nothing(said: StateSaid, is_test: bool) -> None:
    marked = StateSaid(subject=said.subject, state=said.state, extension_bits=said.extension_bits, is_test=is_test)
    assert standing_of_state(marked) == standing_of_state(said)


@given(statements(), ROLES, MEANINGS)
@settings(max_examples=300)
def test_what_stands_and_what_ended_are_complementary(said: StateSaid, role: str, means: str) -> None:
    keys = {each.key for each in standing_of_state(said, role=role, closed_means=means)}
    ended = ended_by(said, role=role, closed_means=means)
    assert not keys & ended
    assert keys | ended == governed_keys(said.subject.level)


@given(statements())
@settings(max_examples=300)
def test_bit_1_is_always_a_fire_save_of_a_water_tank(said: StateSaid) -> None:
    burning = StateSaid(subject=said.subject, state=said.state | 2, extension_bits=said.extension_bits)
    classes = {each.condition.alarm_class for each in standing_of_state(burning)}
    if said.subject.component_type not in {92, 131}:
        assert AlarmClass.F in classes


@given(statements(ended=True), WORDS, ROLES, MEANINGS)
@settings(max_examples=300)
def test_a_restore_type_ends_what_it_names_as_the_whole_word_after_it_would(
    said: StateSaid, last: int, role: str, means: str
) -> None:
    left = StateSaid(subject=said.subject, state=whole_word(said, last), extension_bits=said.extension_bits)
    after = {each.key for each in standing_of_state(left, role=role, closed_means=means)}
    ended = ended_by(said, role=role, closed_means=means, last_state=last)
    assert not ended & after


def test_a_restore_type_ends_only_what_it_names() -> None:
    restored = part(40, 1, ended=True)
    assert ended_by(restored) == {"fire"}
    assert standing_of_state(restored) == ()


def test_a_restore_of_one_of_two_fault_bits_leaves_the_fault() -> None:
    restored = part(40, 2, ended=True)
    assert ended_by(restored, last_state=word(2, 8)) == frozenset()
    assert ended_by(restored, last_state=word(2)) == {"detector_fault"}


def test_a_restore_of_an_automatic_contact_opens_it() -> None:
    said = part(85, 6, ended=True, system=11)
    standing = standing_of_state(said, role="pump_cabinet_auto")
    assert [each.key for each in standing] == ["cabinet_not_automatic"]
    assert "cabinet_not_automatic" not in ended_by(said, role="pump_cabinet_auto")


@pytest.mark.parametrize(
    ("code", "kind"),
    [(10, "gas"), (74, "gas"), (17, "electrical"), (23, "call_point"), (24, "hydrant_button"), (40, "fire"),
     (200, "fire"), (5, "fire"), (None, "fire"), (84, "fire"), (96, "fire")],
)  # fmt: skip
@pytest.mark.clause("4.3.1")
def test_a_fire_names_its_kind(code: int | None, kind: str) -> None:
    (standing,) = standing_of_state(part(code, 1))
    assert (standing.condition.alarm_class, standing.condition.kind, standing.rule) == (AlarmClass.F, kind, "P-1")


def test_a_level_sensors_code_from_an_unknown_vendor_keeps_its_fire() -> None:
    assert told(standing_of_state(part(131, 1))) == {("F", "P-1", None)}
    assert told(standing_of_state(part(131, 1, extension_bits=True))) == {("A", "P-8", "b")}
    assert told(standing_of_state(part(131, 1), role="tank_level")) == {("A", "P-8", "b")}


def test_a_pressed_hydrant_button_is_one_alarm_whatever_its_bits() -> None:
    assert [each.key for each in standing_of_state(part(24, 1, 5, 6))] == ["hydrant_button"]


@pytest.mark.clause("4.3.2")
@pytest.mark.parametrize("code", [1, 22, 84, 85, 86, 87, 88])
def test_a_fault_of_a_panel_or_module_is_not_item_a(code: int) -> None:
    assert told(standing_of_state(part(code, 2))) == {("X", "P-11", None)}


@pytest.mark.clause("4.3.2")
def test_a_loop_fault_is_item_a_and_waits_for_part_frames() -> None:
    for bit, rule in ((2, "S-3"), (10, "S-10")):
        (standing,) = standing_of_state(system(1, bit))
        assert told((standing,)) == {("X", rule, "a")}
        assert standing.condition.settle_s == 2
    assert told(standing_of_state(system(10, 2))) == {("X", "S-3", None)}


@pytest.mark.clause("4.3.2")
def test_vendor_fault_bits_of_a_detector_are_item_a_only_where_the_profile_knows_them() -> None:
    assert told(standing_of_state(part(134, 9, extension_bits=True))) == {("X", "P-3", "a")}
    assert told(standing_of_state(part(134, 17, extension_bits=True))) == {("X", "P-3", "a")}
    assert told(standing_of_state(part(134, 9))) == {("I", "P-15", None)}


@pytest.mark.clause("4.3.2")
@pytest.mark.parametrize("code", [11, 12, 14, 16])
def test_pump_systems_in_manual_are_item_d_and_without_power_item_e(code: int) -> None:
    assert told(standing_of_state(system(code, 11))) == {("A", "S-11", "d")}
    assert told(standing_of_state(system(code, 8))) == told(standing_of_state(system(code, 9))) == {("X", "S-9", "e")}


@pytest.mark.clause("4.3.2")
@pytest.mark.parametrize("code", [82, 84, 85, 87, 91, 95, 105])
@pytest.mark.parametrize("bit", [5, 6])
def test_a_cabinet_contact_is_not_automatic_when_its_automatic_contact_opens(code: int, bit: int) -> None:
    assert told(standing_of_state(part(code), role="pump_cabinet_auto")) == {("A", "P-14", "d")}
    assert standing_of_state(part(code, bit), role="pump_cabinet_auto") == ()
    assert standing_of_state(part(code), role="pump_cabinet_manual") == ()
    assert told(standing_of_state(part(code, bit), role="pump_cabinet_manual")) == {("A", "P-14", "d")}


@pytest.mark.clause("4.3.2")
@pytest.mark.parametrize("means", ["manual", "off", "service"])
def test_off_service_and_manual_all_count_as_not_automatic(means: str) -> None:
    standing = standing_of_state(part(85, 6), closed_means=means)
    assert told(standing) == {("A", "P-14", "d")}
    assert ("闭合含义", CLOSED_MEANS_LABELS[ClosedMeans(means)]) in standing[0].facts


@pytest.mark.clause("4.3.2")
def test_cabinet_power_is_item_e_by_part_role_and_assigned_supply() -> None:
    assert told(standing_of_state(part(91, 8))) == {("X", "P-4", "e")}
    assert told(standing_of_state(part(82, 8))) == {("X", "P-11", None)}
    assert told(standing_of_state(part(82, 8), role="pump_cabinet_manual")) == {("X", "P-4", "e")}
    assert told(standing_of_state(system(23, 8), role="pump_cabinet_power")) == {("X", "S-9", "e")}
    assert told(standing_of_state(system(23, 8))) == {("X", "S-9", None)}


@pytest.mark.clause("4.3.2")
def test_a_power_contact_that_is_closed_when_healthy_alarms_when_open() -> None:
    said = part(85)
    assert told(standing_of_state(said, role="pump_cabinet_power", closed_means="power_normal")) == {("X", "P-14", "e")}


@pytest.mark.clause("4.3.2")
def test_the_uitds_own_power_is_a_fault_but_not_item_e() -> None:
    said = StateSaid(subject=Subject(level=Level.UITD), state=word(3, 4))
    assert told(standing_of_state(said)) == {("X", "U-2", None)}


@pytest.mark.clause("4.3.2")
@pytest.mark.parametrize("means", ["low", "high", "overflow"])
def test_a_level_contact_is_item_b_on_a_tank_and_on_a_module(means: str) -> None:
    assert told(standing_of_state(part(92, 6), closed_means=means)) == {("A", "P-8", "b")}
    assert told(standing_of_state(part(85, 6), closed_means=means)) == {("A", "P-14", "b")}


@pytest.mark.clause("4.3.2")
def test_pressure_contacts_are_item_c_or_f_by_role() -> None:
    assert told(standing_of_state(part(99, 6), closed_means="low_pressure")) == {("A", "P-14", "c")}
    assert told(standing_of_state(part(85, 6), role="test_hydrant_pressure")) == {("A", "P-14", "f")}
    assert told(standing_of_state(part(85, 6), role="outdoor_hydrant_pressure")) == {("A", "P-14", "f")}
    assert told(standing_of_state(part(99, 6), role="pipe_pressure")) == {("A", "P-14", None)}


@pytest.mark.clause("4.3.2")
def test_dahua_limit_bits_are_items_b_c_and_f() -> None:
    assert told(standing_of_state(part(131, 21, extension_bits=True))) == {("A", "P-8", "b")}
    assert told(standing_of_state(part(128, 21, extension_bits=True))) == {("A", "P-17", "c")}
    said = part(128, 21, extension_bits=True)
    assert told(standing_of_state(said, role="test_hydrant_pressure")) == {("A", "P-17", "f")}
    assert told(standing_of_state(said, role="pipe_pressure")) == {("A", "P-17", None)}


def test_a_role_never_re_reads_a_release_or_a_detector() -> None:
    assert told(standing_of_state(part(81, 5), role="fan")) == {("G", "P-9", None)}
    assert told(standing_of_state(part(40, 1), role="fan")) == {("F", "P-1", None)}


def test_a_detecting_contact_on_a_module_is_a_fire() -> None:
    assert told(standing_of_state(part(85, 6), role="call_point")) == {("F", "P-14", None)}
    assert told(standing_of_state(part(85, 2), role="detector")) == {("X", "P-3", "a")}


@pytest.mark.parametrize("code", [84, 88, 0, 82, 200, 255, 5, None])
def test_a_module_or_unknown_part_without_a_role_is_abnormal_when_it_acts(code: int | None) -> None:
    assert told(standing_of_state(part(code, 6))) == {("A", "P-14", None)}


def test_reserved_bits_are_shown_and_never_dropped() -> None:
    (standing,) = standing_of_state(part(40, 9, 15))
    assert told((standing,)) == {("I", "P-15", None)}
    assert standing.facts == (("未知状态位", "9、15"),)
    assert told(standing_of_state(system(1, 14, 15))) == {("I", "P-15", None)}
    assert told(standing_of_state(system(1, 14, extension_bits=True))) == {("X", "S-14", None)}
    assert told(standing_of_state(StateSaid(subject=Subject(level=Level.UITD), state=word(7)))) == {("I", "P-15", None)}


@given(st.sampled_from([2, 9, 25, 127, 128, 200, 255]), st.integers(1, 10))
def test_an_unknown_systems_bits_are_read_like_any_other(code: int, bit: int) -> None:
    (standing,) = standing_of_state(system(code, bit))
    assert standing.condition.alarm_class is not AlarmClass.I


def test_several_bits_each_begin_their_own_condition() -> None:
    assert [each.key for each in standing_of_state(part(40, 1, 2, 3))] == [
        "fire",
        "detector_fault",
        "component_disabled",
    ]


def test_the_registrys_part_type_is_used_where_the_frame_left_it_out() -> None:
    assert told(standing_of_state(part(None, 2), component_type=40)) == {("X", "P-3", "a")}


def test_a_systems_reset_speaks_of_its_address_and_dahuas_of_the_device() -> None:
    assert is_reset(system(1, 13)) == Reset(rule="S-13", system_type=1, system_address=1)
    assert is_reset(system(1, 13, extension_bits=True)) == Reset(rule="S-13")
    assert is_reset(system(1, 13, ended=True)) is None
    assert is_reset(system(1, 1)) is None
    assert is_reset(part(40, 13)) is None


@pytest.mark.parametrize("bit", [0, 3])
def test_a_reset_or_cleared_operation_is_a_reset(bit: int) -> None:
    facility = Subject(level=Level.SYSTEM, system_type=1, system_address=4)
    assert is_reset(OperationSaid(subject=facility, flags=word(bit), operator=1)) == Reset(
        rule="O-2", system_type=1, system_address=4
    )
    uitd = OperationSaid(subject=Subject(level=Level.UITD), flags=word(bit), operator=1)
    assert is_reset(uitd) == Reset(rule="O-2")
    assert is_reset(OperationSaid(subject=facility, flags=word(1, 2), operator=1)) is None


def test_a_reset_ends_the_signals_of_its_address_but_fills_no_tank() -> None:
    reset = Reset(rule="S-13", system_type=1, system_address=1)
    here = part(40).subject
    elsewhere = Subject(level=Level.SYSTEM, system_type=1, system_address=2)
    assert reset_ends(reset, here, "fire")
    assert reset_ends(reset, here, "detector_fault")
    assert reset_ends(reset, here, "a_key_of_an_older_version")
    assert not reset_ends(reset, elsewhere, "fire")
    assert reset_ends(Reset(rule="O-2"), elsewhere, "fire")
    for key in ("level_contact", "level_low", "worst_pressure_low", "pumps_not_automatic", "link_lost"):
        assert not reset_ends(Reset(rule="O-2"), here, key)


def test_every_condition_of_items_b_to_f_outlasts_a_reset() -> None:
    assert not [each.key for each in ALL_CONDITIONS if each.item in set("bcdef") and each.ends_on_reset]


def test_operations_are_told_bit_by_bit() -> None:
    facility = Subject(level=Level.SYSTEM, system_type=1, system_address=1)
    events = events_of_operation(OperationSaid(subject=facility, flags=0xFF, operator=7))
    assert [each.rule for each in events] == ["O-2", "O-3", "O-1", "O-2", "O-3", "O-3", "O-3", "P-15"]
    assert [each.key for each in events][5] == "operation_acknowledge"
    assert all(("操作员编号", "7") in each.facts for each in events)


def test_bit_5_of_the_uitds_operations_answers_a_post_check() -> None:
    (event,) = events_of_operation(OperationSaid(subject=Subject(level=Level.UITD), flags=word(5), operator=7))
    assert (event.key, event.condition.alarm_class) == ("duty_check_answer", AlarmClass.I)


def test_condition_keys_are_unique_and_every_row_names_one_that_exists() -> None:
    assert len(CONDITIONS) == len(ALL_CONDITIONS)
    rows = [row for rules in STATE_RULES.values() for row in rules]
    assert {row.condition for row in rows} | {each.condition for each in CONTACTS.values()} <= CONDITIONS.keys()
    for level, rules in STATE_RULES.items():
        assert {row.condition for row in rules} <= governed_keys(level)
    assert {each.condition for each in CONTACTS.values()} <= governed_keys(Level.COMPONENT)


def test_every_rule_of_section_4_is_a_row() -> None:
    wanted = {f"S-{n}" for n in range(1, 15)} | {f"P-{n}" for n in range(1, 14)} | {"U-1", "U-2", "U-3"}
    assert wanted <= {row.rule for rules in STATE_RULES.values() for row in rules}
    assert {"P-14", "P-15", "O-1", "O-2", "O-3", "N-1", "V-1", "V-2"} <= {each.rule for each in ALL_CONDITIONS}


def test_every_role_and_meaning_has_a_label() -> None:
    assert set(COMPONENT_ROLE_LABELS) == set(ComponentRole)
    assert set(CLOSED_MEANS_LABELS) == set(ClosedMeans)
