"""Texts and calls: place first, one part, nothing in it that a carrier refuses."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.ids import AlarmId, AttemptId, NoticeId, PersonId, new_id
from backend.core.vocabulary import Severity
from backend.delivery.carrier_codes import kept, number_of_code, short_code
from backend.delivery.model import Card, Delivery, NoticeKind
from backend.people.rules import e164, phone_spellings
from workers.channels.ports import Purpose
from workers.channels.speaking import counted, spoken_time, spoken_words
from workers.channels.words import UCS2_PART, call_of, parts_needed, purpose_of, sms_of, templates, units

AT = datetime(2026, 11, 25, 14, 3, 22, tzinfo=ZoneInfo("Asia/Shanghai"))
NUMBER = 272  # 7K
WORDS = st.text(max_size=120)


def a_delivery(*, address: str = "13800000001", language: str = "zh_CN", **changes: Any) -> Delivery:
    of_delivery = {name: changes.pop(name) for name in ("kind", "number") if name in changes}
    card: dict[str, Any] = {
        "alarm": AlarmId(new_id()), "number": 12, "severity": Severity.FIRE, "icon": "", "headline": "火警",
        "status": "报警中", "is_active": True, "unit": "单位A", "where": "2号楼5层走廊感烟0123", "what": "感烟 · 火警",
        "raised_at": AT,
    }  # fmt: skip
    return Delivery(
        attempt=AttemptId(new_id()),
        notice=NoticeId(new_id()),
        person=PersonId(new_id()),
        address=address,
        card=Card(**card | changes),
        language=language,
        **{"number": NUMBER} | of_delivery,
    )


def test_a_fire_fits_one_part_and_says_place_time_and_how_to_answer() -> None:
    sms = sms_of(a_delivery(), sign="平台")
    assert sms.text == ("【平台】火警 2号楼5层走廊感烟0123 感烟 14:03:22 单位A 请立即核实 回复1确认 2误报 码7K")
    assert (sms.phone, sms.purpose, sms.number) == ("+8613800000001", Purpose.FIRE, NUMBER)
    assert parts_needed(sms.text) == 1


def test_what_is_too_long_is_cut_so_that_place_time_and_code_stay() -> None:
    sms = sms_of(a_delivery(where="高" * 30, unit="单" * 40, what="感" * 40), sign="烽火服务中心")
    assert "高" * 25 in sms.text
    assert sms.text.endswith("码7K")
    assert " 14:03:22 " in sms.text
    assert units(sms.text) <= UCS2_PART


@settings(max_examples=150, deadline=None)
@given(
    where=WORDS, what=WORDS, unit=WORDS, headline=WORDS, banner=WORDS,
    sign=st.text("烽火服务中心A1", max_size=12),
    number=st.integers(1, 2**63 - 1),
    severity=st.sampled_from(Severity),
    kind=st.sampled_from(NoticeKind),
)  # fmt: skip
def test_any_card_fits_one_part_with_its_time_and_code(
    *, sign: str, number: int, kind: NoticeKind, **card: Any
) -> None:
    sms = sms_of(a_delivery(number=number, kind=kind, **card), sign=sign)
    assert units(sms.text) <= UCS2_PART
    assert "14:03:22" in sms.text
    assert sms.text.endswith(f"码{short_code(number)}")
    values = dict(sms.parts)
    assert all(values.values()), "carriers refuse empty variables"
    assert "\n" not in sms.text
    assert sms.text.startswith(f"【{sign}】") == bool(sign)
    assert sms.text.count("【") == bool(sign)


def test_links_and_addresses_are_taken_out_of_values() -> None:
    values = dict(sms_of(a_delivery(where="见 http://a.cn/x 10.0.0.1 3.5米 www.b.com"), sign="").parts)
    assert values["where"] == "见 a cn/x 10-0-0-1 3.5米 b com"


def test_a_test_says_so_before_anything_else() -> None:
    assert "火警 (设备报告为测试)2号楼" in sms_of(a_delivery(banner="设备报告为测试"), sign="").text


def test_a_call_about_a_test_still_says_the_place_first() -> None:
    sentence = call_of(a_delivery(banner="设备报告为测试 · 补传记录")).sentence
    assert sentence.startswith("二号楼五层走廊感烟零幺二三，设备报告为测试，火警，感烟。")


def test_what_the_point_table_lacks_takes_no_room() -> None:
    assert "点表" not in sms_of(a_delivery(banner="点表中没有此部件"), sign="").text


def test_outside_mainland_china_the_text_is_in_the_persons_language_without_a_signature() -> None:
    card = a_delivery(
        address="+447700900123", language="en", where="Block 2 floor 5", unit="Demo House",
        headline="Fire alarm", what="Smoke detector · Fire",
    )  # fmt: skip
    text = sms_of(card, sign="平台").text
    assert text.startswith("FIRE Block 2 floor 5 ")
    assert text.endswith("Code 7K")
    assert parts_needed(text) == 1


def test_a_call_says_the_place_first_and_twice_and_then_the_keys() -> None:
    call = call_of(a_delivery())
    assert call.spoken == (
        "二号楼五层走廊感烟零幺二三，火警，感烟。单位A，十四点零三分。请立即核实。 "
        "二号楼五层走廊感烟零幺二三，火警，感烟。单位A，十四点零三分。请立即核实。 "
        "按1确认，按2误报，按3转值班室，按星号重听。"
    )
    assert call.keys == ("1", "2", "3", "*")


def test_a_call_in_english_leaves_numbers_to_the_voice() -> None:
    call = call_of(a_delivery(language="en", where="Block 2 floor 5"))
    assert call.sentence.startswith("Block 2 floor 5. ")
    assert "14:03" in call.sentence
    assert "Press 1" in call.prompt


def test_that_it_is_over_asks_for_no_key_and_no_reply() -> None:
    over = a_delivery(kind=NoticeKind.RESTORED)
    assert call_of(over).keys == ()
    assert "回复" not in sms_of(over, sign="平台").text
    assert sms_of(over, sign="平台").text.startswith("【平台】已恢复 2号楼")


@pytest.mark.parametrize("kind", NoticeKind)
def test_only_what_is_an_alarm_goes_out_as_one(kind: NoticeKind) -> None:
    alarms = {"raised", "desk", "overdue"}
    assert (purpose_of(a_delivery(kind=kind)) is Purpose.FIRE) == (kind in alarms)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("2号楼", "二号楼"), ("12层", "十二层"), ("102室", "一百零二室"), ("1010房", "幺零幺零房"), ("20栋", "二十栋"),
        ("3#楼", "三号楼"), ("-1层", "负一层"), ("3.5米", "三点五米"), ("感烟0123", "感烟零幺二三"), ("A5", "A五"),
        ("0.05MPa", "零点零五MPa"), ("走廊", "走廊"), ("00层", "零零层"),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_say_them(text: str, spoken: str) -> None:
    assert spoken_words(text, "zh_CN") == spoken


def test_times_are_read_as_people_say_them() -> None:
    said = [spoken_time(AT.replace(hour=hour, minute=minute), "zh_CN") for hour, minute in ((14, 3), (0, 0), (9, 30))]
    assert said == ["十四点零三分", "零点整", "九点三十分"]
    assert [counted(n) for n in (10, 19, 100, 110, 1001, 2020)] == [
        "十", "十九", "一百", "一百一十", "一千零一", "二千零二十",
    ]  # fmt: skip


@given(st.integers(1, 2**63 - 1))
def test_a_short_code_names_its_number(number: int) -> None:
    assert number_of_code(short_code(number)) == number
    assert number_of_code(short_code(number).lower()) == number


@given(st.text())
def test_any_text_is_no_code_or_a_number(text: str) -> None:
    number = number_of_code(text)
    assert number is None or 0 <= number < 2**63
    kept(text, 100).encode()


def test_templates_can_be_filed_as_each_vendor_wants_them() -> None:
    assert templates()[Purpose.FIRE].startswith("火警 ${where} ${what} ${time} ${unit} ")
    assert templates("{{{index}}}")[Purpose.FIRE].startswith("火警 {1} {2} {3} {4} ")


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("13800000001", "+8613800000001"), ("86 138-0000-0001", "+8613800000001"),
        ("0086 13800000001", "+8613800000001"),
        ("+447700900123", "+447700900123"), ("010-88886666", "+861088886666"), ("nobody", "nobody"),
    ],
)  # fmt: skip
def test_telephone_numbers_are_dialled_as_the_world_does(written: str, number: str) -> None:
    assert e164(written) == number
    assert e164(number) == number
    assert number in phone_spellings(written)
