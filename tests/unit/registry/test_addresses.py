"""Wire keys: one form in the registry, whatever form a person wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.registry.addresses import component_address, component_number, device_address


@pytest.mark.parametrize("text", ["790300000000", "79:03:00:00:00:00", "79-03-00-00-00-00", "7903 0000 0000"])
def test_a_device_address_is_12_hex_digits_however_it_is_written(text: str) -> None:
    assert device_address(text) == "790300000000"


def test_letters_become_lower_case() -> None:
    assert device_address("F6380C000000") == "f6380c000000"


@pytest.mark.parametrize(
    "text", ["", "889", "79030000000", "7903000000000", "7g0300000000", "7.903E+11", "７90300000000"]
)
def test_another_device_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="12 位"):
        device_address(text)


def test_an_address_that_means_nobody_or_everybody_is_no_devices() -> None:
    for nobody in ("000000000000", "FF:FF:FF:FF:FF:FF"):
        with pytest.raises(ValueError, match="不属于任何设备"):
            device_address(nobody)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("0", "00000000"), ("1", "01000000"), ("007", "07000000"), ("1114115", "03001100"), ("0x00110003", "03001100"),
        ("0XFF", "ff000000"), ("4294967295", "ffffffff"),
    ],
)  # fmt: skip
def test_a_component_address_is_a_32_bit_number_kept_low_octet_first(text: str, wire: str) -> None:
    assert component_address(text) == wire


@pytest.mark.parametrize("text", ["", "-1", "4294967296", "0x100000000", "1.5", "1e3", "1_0", "0b1", "ab", "１"])
def test_another_component_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="部件地址"):
        component_address(text)


@given(st.integers(0, 0xFFFF_FFFF))
def test_a_component_address_and_its_number_are_each_others_way_back(number: int) -> None:
    assert component_number(component_address(str(number))) == number
    assert component_number(component_address(hex(number))) == number
