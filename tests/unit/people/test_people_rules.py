"""Particulars of people, and what roles may do."""

import pytest

from backend.core.errors import NotAllowed, NotFound
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.vocabulary import Channel, Role
from backend.people import doors, rules
from backend.people.model import RIGHTS, Grant, Person, Right


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("13800000001", "13800000001"),
        ("138-0000 0001", "13800000001"),
        ("+86 138 0000 0001", "+8613800000001"),
        ("021-12345678", "02112345678"),
        ("(021)12345678", "02112345678"),
        ("", ""),
    ],
)
def test_a_phone_number_is_kept_without_separators(text: str, number: str) -> None:
    assert rules.phone_number(text) == number


@pytest.mark.parametrize("text", ["1234", "12345678901", "abc", "+", "１３８００００００01", "1" * 16])
def test_a_wrong_phone_number_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="号码"):
        rules.phone_number(text)


def test_languages_are_known_by_name_and_by_their_first_part() -> None:
    assert [rules.language_code(each) for each in ("", "zh", "zh-CN", "ZH_cn", "en", "en_US")] == [
        "zh_CN", "zh_CN", "zh_CN", "zh_CN", "en", "en",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="zh_CN"):
        rules.language_code("fr")


def test_an_address_is_checked_by_its_channel() -> None:
    assert rules.contact_address(Channel.APP, "", "P1") == "P1"
    assert rules.contact_address(Channel.TELEGRAM, "-100123", "P1") == "-100123"
    for channel, address in ((Channel.TELEGRAM, ""), (Channel.TELEGRAM, "@wang"), (Channel.APP, "x" * 201)):
        with pytest.raises(ValueError, match="地址"):
            rules.contact_address(channel, address, "P1")


@pytest.mark.parametrize(
    ("channel", "given", "kept"),
    [
        (Channel.SMS, "138 0000 0001", "+8613800000001"),
        (Channel.VOICE, "+49 151 12345678", "+4915112345678"),
        (Channel.WEBHOOK, "https://hooks.example/alarms?token=x", "https://hooks.example/alarms?token=x"),
        (Channel.APPRISE, "ntfy://fire-alarms", "ntfy://fire-alarms"),
    ],
)
def test_telephones_and_other_systems_have_addresses_of_their_own(channel: Channel, given: str, kept: str) -> None:
    assert rules.contact_address(channel, given, "P1") == kept


@pytest.mark.parametrize(
    ("channel", "given"),
    [
        (Channel.SMS, "hush"),
        (Channel.VOICE, "12"),
        (Channel.WEBHOOK, "hush.example"),
        (Channel.WEBHOOK, "https://user:hush@hooks.example/"),
        (Channel.WEBHOOK, "ftp://hooks.example/hush"),
        (Channel.WEBHOOK, f"https://hooks.example/{'hush' * 300}"),
        (Channel.APPRISE, "hush"),
        (Channel.APPRISE, "ntfy://hush hush"),
    ],
)
def test_a_wrong_address_is_refused_without_repeating_it(channel: Channel, given: str) -> None:
    with pytest.raises(ValueError, match=r"地址|号码") as caught:
        rules.contact_address(channel, given, "P1")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_is_held_either_in_a_unit_or_at_the_provider_and_has_rights(role: Role) -> None:
    assert (rules.why_not_granted(role, has_unit=True) is None) != (rules.why_not_granted(role, has_unit=False) is None)
    assert RIGHTS[role]
    assert (Right.SEE in RIGHTS[role]) == (role is not Role.COMPLAINT_HANDLER)  # who sees complaints and nothing else


def test_who_may_not_see_a_unit_is_told_the_same_as_of_one_that_does_not_exist() -> None:
    mine, other = UnitId(new_id()), UnitId(new_id())
    person = Person(id=PersonId(new_id()), code="a", name="a", language="en", grants=(Grant(Role.MAINTAINER, mine),))
    said = set()
    for unit in (other, UnitId(new_id()), None):
        with pytest.raises(NotFound) as refused:
            doors.require(person, Right.ACKNOWLEDGE, unit)
        said.add((str(refused.value), refused.value.code, refused.value.status))
    assert len(said) == 1
    with pytest.raises(NotAllowed):
        doors.require(person, Right.ADMINISTER, mine)
    assert doors.units_seen(person) == {mine}


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.VOICE])
def test_a_telephone_as_a_contact_is_kept_as_the_world_dials_it(channel: Channel) -> None:
    assert rules.contact_address(channel, "138 0000 0001", "wang") == "+8613800000001"
    assert rules.contact_address(channel, "+44 7700 900123", "wang") == "+447700900123"
    for wrong in ("", "wang", "12300000001", "1" * 30):
        with pytest.raises(ValueError, match=r"."):
            rules.contact_address(channel, wrong, "wang")
