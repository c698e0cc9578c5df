"""Place names as people write them come to one form, and a number never matches inside a longer one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.monitoring.place_words import all_in, as_building, is_in, name_of, words


@pytest.mark.parametrize(
    "written",
    [
        "2号楼",
        "2 号楼",
        "二号楼",
        "２号楼",
        "building 2",
        "Building #2",
        "bldg. 2",
        "2栋",
        "2幢",
        "二栋",
        "2#楼",
        "两号楼",
        "No. 2",
    ],
)
def test_a_building_has_one_form(written: str) -> None:
    assert words(written) == ("2号楼",)


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("十二号楼", ("12号楼",)),
        ("二十号楼", ("20号楼",)),
        ("二十三层", ("23层",)),
        ("5楼", ("5层",)),
        ("5F", ("5层",)),
        ("floor 5", ("5层",)),
        ("地下一层", ("地下1层",)),
        ("负1层", ("地下1层",)),
        ("B1层", ("地下1层",)),
        ("状态 2号楼 水箱", ("2号楼", "水箱")),
        ("2号楼水箱", ("2号楼", "水箱")),
        ("二号楼的水箱", ("2号楼", "水箱")),
        ("1号楼(办公楼)", ("1号楼", "办公楼")),
        ("1号喷淋泵", ("1号喷淋泵",)),
        ("", ()),
    ],
)
def test_words_are_told_apart(written: str, form: tuple[str, ...]) -> None:
    assert words(written) == form


def test_a_number_is_not_found_inside_a_longer_one() -> None:
    assert not is_in("2号楼", name_of("12号楼"))
    assert is_in("2号楼", name_of("2号楼(商业楼)"))
    assert not is_in("1", name_of("地址 101"))
    assert all_in(words("办公楼 1号楼"), name_of("1号楼(办公楼)"))


def test_a_bare_number_is_a_building_only_where_there_is_one() -> None:
    names = [name_of("1号楼"), name_of("2号楼")]
    assert as_building("2", names) == "2号楼"
    assert as_building("3", names) == "3"
    assert as_building("水箱", names) == "水箱"


@given(st.text(max_size=60))
def test_whatever_is_written_comes_to_words_that_are_found_in_their_own_name(text: str) -> None:
    for word in words(text):
        assert is_in(word, name_of(text)) or word not in name_of(text)
        assert word == word.strip()
