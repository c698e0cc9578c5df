"""Import files as people make them: encodings, spreadsheet accidents, headers; each fault named where it is."""

import contextlib
import datetime as dt
import random
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.errors import BadInput
from backend.registry import checks, reading
from backend.registry.parsing import parse
from backend.registry.reading import RawSheet, read_path
from backend.registry.sheets import SHEETS, ImportRefused, Problem

PEOPLE = "code,name,phone,language\nP1,张三,13800000001,zh_CN\n"


def problems(path: Path) -> list[tuple[str, int | None, str | None]]:
    try:
        found = parse(read_path(path))[1]
    except ImportRefused as refused:
        found = list(refused.problems)
    return [(each.sheet, each.row, each.column) for each in found]


def one_csv(folder: Path, octets: bytes, name: str = "people.csv") -> Path:
    (folder / name).write_bytes(octets)
    return folder


def workbook(path: Path, rows: list[list[Any]], title: str = "people") -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    "octets",
    [
        PEOPLE.encode(),
        b"\xef\xbb\xbf" + PEOPLE.encode(),
        PEOPLE.encode("gb18030"),
        PEOPLE.replace("\n", "\r\n").encode(),
    ],
)
def test_utf8_with_and_without_a_mark_and_gb18030_read_the_same(tmp_path: Path, octets: bytes) -> None:
    parsed, found = parse(read_path(one_csv(tmp_path, octets)))
    assert found == []
    assert parsed["people"].rows[0].values["name"] == "张三"


@pytest.mark.parametrize(
    ("octets", "where"),
    [
        (PEOPLE.encode("utf-16"), ("people", None, None)),
        (b"code,name\nP1,\xff\xff\xff\n", ("people", 2, None)),
        (b'code,name\nP1,"abc\nP2,x\n', ("people", 2, None)),
        (b"", ("people", 1, "code")),
        (b"code,name,phone,language,shoe\n", ("people", 1, "shoe")),
        (b"code,name,name\n", ("people", 1, "name")),
        (b"code,phone\n", ("people", 1, "name")),
        (b"code,,name\n", ("people", 1, "B")),
        (b"code,name\nP1,x,y\n", ("people", 2, "C")),
        (b"code,name\n\n\nP1,\n", ("people", 4, "name")),
        (b"code,name\nP1,a\x00b\n", ("people", 2, "name")),
        (b'code,name\nP1,"a\nb"\nP2,\n', ("people", 3, "name")),
        (b"code,name\n" + b"P" * 65 + b",a\n", ("people", 2, "code")),
    ],
)
def test_a_bad_csv_names_where_it_is_bad(
    tmp_path: Path, octets: bytes, where: tuple[str, int | None, str | None]
) -> None:
    assert where in problems(one_csv(tmp_path, octets))


def test_headers_may_be_capitals_with_spaces_and_in_any_order(tmp_path: Path) -> None:
    parsed, found = parse(read_path(one_csv(tmp_path, " Name ,CODE\n张三 , P1\n".encode(), "People.CSV")))
    assert found == []
    assert parsed["people"].rows[0].values == {"code": "P1", "name": "张三", "phone": "", "language": "zh_CN"}


def test_an_unknown_sheet_is_named_and_not_left_out_silently(tmp_path: Path) -> None:
    one_csv(tmp_path, PEOPLE.encode())
    assert problems(one_csv(tmp_path, PEOPLE.encode(), "poeple.csv")) == [("poeple", None, None)]


@pytest.mark.parametrize("name", ["nothing", "empty", "people.csv", "people.xls"])
def test_a_path_that_is_no_import_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "people.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(BadInput, match=name):
        read_path(tmp_path / name)


def test_a_file_that_is_too_large_or_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = one_csv(tmp_path, PEOPLE.encode())
    monkeypatch.setattr(reading, "LARGEST_OCTETS", 10)
    with pytest.raises(BadInput, match="MB"):
        read_path(path)
    monkeypatch.setattr(reading, "LARGEST_OCTETS", 10_000)
    monkeypatch.setattr(reading, "MOST_ROWS", 0)
    with pytest.raises(BadInput, match="行"):
        read_path(path)


def test_numbers_that_excel_made_floats_are_whole_again(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["device", "system_type", "system_address", "component_type", "component_address", "quantity", "low", "high"],
        [790300000000, 11.0, 1, 92.0, 131073.0, 2.0, 0.7, 2],
    ]
    parsed, found = parse(read_path(workbook(tmp_path / "in.xlsx", rows, "Components")))
    assert found == []
    values = parsed["components"].rows[0].values
    assert (values["device"], values["component_address"], values["quantity"]) == ("790300000000", "01000200", 2)
    assert (str(values["low"]), str(values["high"])) == ("0.7", "2")


@pytest.mark.parametrize(
    "cell",
    ["=1+1", dt.date(2026, 1, 2), dt.time(1, 2), 7.9e25, "#N/A", dt.timedelta(1), None, "a\nb"],
)
def test_what_a_spreadsheet_did_to_a_cell_is_named(tmp_path: Path, cell: object) -> None:
    rows = [["code", "name"], [], ["P1", cell]]
    found = problems(workbook(tmp_path / "in.xlsx", rows))
    assert found == [("people", 3, "name")]


def test_merged_cells_are_named_as_empty(tmp_path: Path) -> None:
    path = workbook(tmp_path / "in.xlsx", [["code", "name"], ["P1", "甲"], ["P2", "乙"]])
    book = openpyxl.load_workbook(path)
    book["people"].merge_cells("B2:B3")
    book.save(path)
    assert problems(path) == [("people", 3, "name")]


def test_empty_sheets_of_a_workbook_are_no_sheets_and_others_must_be_known(tmp_path: Path) -> None:
    path = workbook(tmp_path / "in.xlsx", [["code", "name"], ["P1", "甲"]])
    book = openpyxl.load_workbook(path)
    book.create_sheet("Sheet1")
    book.save(path)
    assert problems(path) == []
    book.create_sheet("说明").append(["填写说明"])
    book.save(path)
    assert problems(path) == [("说明", None, None)]


def test_a_row_far_below_or_a_cell_far_right_costs_nothing(tmp_path: Path) -> None:
    path = workbook(tmp_path / "in.xlsx", [["code", "name"], ["P1", "甲"]])
    book = openpyxl.load_workbook(path)
    book["people"]["A5000"] = "P2"
    book["people"]["XFD3"] = "x"
    book.save(path)
    assert problems(path) == [("people", 3, None)]


def test_a_zip_bomb_and_a_broken_workbook_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, octets in (("text.xlsx", b"code,name\n"), ("cut.xlsx", b"PK\x03\x04" + bytes(50))):
        (tmp_path / name).write_bytes(octets)
        with pytest.raises(BadInput, match="xlsx"):
            read_path(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "other.xlsx", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(BadInput, match="xlsx"):
        read_path(tmp_path / "other.xlsx")
    bomb = workbook(tmp_path / "bomb.xlsx", [["code", "name"]])
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.xml", bytes(1_000_000))
    monkeypatch.setattr(reading, "LARGEST_UNPACKED_OCTETS", 500_000)
    with pytest.raises(BadInput, match="解压"):
        read_path(bomb)


def test_a_workbook_damaged_anywhere_is_read_or_refused_and_raises_nothing_else(tmp_path: Path) -> None:
    octets = workbook(tmp_path / "in.xlsx", [["code", "name"], ["P1", "甲"]]).read_bytes()
    with zipfile.ZipFile(tmp_path / "in.xlsx") as archive:
        parts = {each.filename: archive.read(each) for each in archive.infolist()}
    chance = random.Random(26875)
    for number in range(60):
        name, damaged = chance.choice(sorted(parts)), tmp_path / f"{number}.xlsx"
        broken = bytearray(parts[name])
        broken[chance.randrange(len(broken))] = chance.choice(b'<>"/ =a0')
        with zipfile.ZipFile(damaged, "w") as archive:
            for each, text in parts.items():
                archive.writestr(each, bytes(broken) if each == name else text)
        if number % 3 == 0:
            damaged.write_bytes(octets[: chance.randrange(len(octets))])
        with contextlib.suppress(BadInput):
            read_path(damaged)


def test_a_problem_reads_as_a_line_a_person_can_act_on() -> None:
    problem = Problem(sheet="components", row=12, column="low", reason="应小于 high")
    assert str(problem) == "components 第 12 行 low:应小于 high"
    refused = ImportRefused((problem, Problem(sheet="units", reason="未知")))
    assert str(refused).splitlines() == ["components 第 12 行 low:应小于 high", "units:未知"]


def test_a_bad_value_is_shown_but_not_at_length(tmp_path: Path) -> None:
    found = parse(read_path(one_csv(tmp_path, ("code,name,phone\nP1,a," + "9" * 500 + "\n").encode())))[1]
    assert len(str(found[0])) < 150
    assert "999…」" in str(found[0])


@pytest.mark.parametrize("text", ["", "1e3", "1,5", "NaN", "inf", "1234567890", "0x1", "١", "1."])
def test_what_is_not_a_plain_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="数字"):
        checks.number(text)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(SHEETS)).flatmap(
        lambda name: st.lists(
            st.lists(st.text(max_size=12) | st.sampled_from(["1", "790300000000", "uitd", "app", "U1"]), max_size=16),
            max_size=4,
        ).map(lambda rows: RawSheet(name, [each.name for each in SHEETS[name].columns], list(enumerate(rows, start=2))))
    )
)
def test_no_cells_whatever_raise_anything(sheet: RawSheet) -> None:
    parsed, found = parse([sheet])
    bad = {each.row for each in found}
    assert all(row.is_whole != (row.number in bad) for row in parsed[sheet.name].rows)
