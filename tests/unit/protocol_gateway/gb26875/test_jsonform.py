"""`fenghuo decode`: one frame as hex in, one JSON object out (section 16)."""

import json

import pytest

from protocol_gateway.gb26875.jsonform import decode_hex_line
from protocol_gateway.gb26875.profiles import PROFILES

PART = (
    "4040a70001041a090f0e0319998877665544ffffffffffff3000020201840086000001000200bcd2d3c3b8d0d1cc"
    "0000000000000000000000000000000000000000000000000000000000242323"
)
ANALOG = "4040a40001041a090f0e0319998877665544ffffffffffff0e0002840185008300b9ff1a090f0e0319472323"
HEARTBEAT = "4040 0725518012ff 0488 2323"


def test_names_stand_beside_codes_in_both_languages() -> None:
    form, is_good = decode_hex_line(PART)
    assert is_good
    assert form["command_name"] == "send 发送数据"
    assert form["type_name"] == "facility part running state 建筑消防设施部件运行状态"
    (thing,) = form["objects"]
    assert thing["part_type_name"] == "unknown type 134 未知类型 134"
    assert thing["state_bit_names"] == ["fire alarm 火警"]
    assert thing["occurred_at_raw"] == "000000000000"


def test_a_profile_adds_its_names_and_objects() -> None:
    dahua = PROFILES["dahua"]
    (thing,) = decode_hex_line(PART, dahua)[0]["objects"]
    assert thing["part_type_name"] == "NB smoke detector NB感烟探测器"
    form, _ = decode_hex_line(ANALOG, dahua)
    (reading,) = form["objects"]
    assert (reading["raw"], reading["value"], reading["unit"]) == (-71, "-71", "dBm")
    assert form["type_name"] == "system analog 系统模拟量"
    assert "body_hex" not in form
    assert json.loads(json.dumps(form)) == form


@pytest.mark.parametrize("line", ["", "zz", "404", "40 4g", "é"])
def test_a_line_that_is_no_hex_is_an_error_not_a_crash(line: str) -> None:
    form, is_good = decode_hex_line(line)
    assert not is_good
    assert form["error"] in ("not_hex", "start")


def test_case_and_spaces_do_not_matter() -> None:
    spaced = " ".join(PART[at : at + 2].upper() for at in range(0, len(PART), 2))
    assert decode_hex_line(f"  {spaced}\r\n") == decode_hex_line(PART)


def test_the_short_heartbeat_is_good_only_where_the_profile_answers_it() -> None:
    form, is_good = decode_hex_line(HEARTBEAT)
    assert (form["error"], is_good) == ("short_heartbeat", False)
    assert form["source_address"]["hex"] == "0725518012ff"
    known, is_known = decode_hex_line(HEARTBEAT, PROFILES["printer-text"])
    assert is_known
    assert known["answer_hex"] == "404000000000000000002323"


def test_a_hex_text_line_is_hex_of_hex() -> None:
    text = PART.upper().encode().hex()
    assert decode_hex_line(text, PROFILES["hex-text"]) == decode_hex_line(PART)
    assert decode_hex_line(text)[0]["error"] == "start"
