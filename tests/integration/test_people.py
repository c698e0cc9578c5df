"""People on the real database: codes work once, sessions for a time, chats bind, alarms find their people."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from backend.core import clock
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.errors import BadInput, Conflict, NotAllowed, NotFound, NotSignedIn
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.vocabulary import Channel, Role
from backend.people import doors, queries, service
from backend.people.model import CodeNotValid, Right

pytestmark = pytest.mark.usefixtures("database")

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@pytest.fixture
def still() -> Iterator[clock.StillClock]:
    with clock.use(clock.StillClock(NOW)) as one:
        assert isinstance(one, clock.StillClock)
        yield one


async def a_unit(code: str = "U1") -> UnitId:
    unit = UnitId(new_id())
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1, $2, $2, '', 'UTC', $3)",
        unit,
        code,
        NOW,
    )
    return unit


async def a_person(code: str = "wang", role: Role | None = None, unit: UnitId | None = None) -> PersonId:
    person = await service.add_person(code, f"{code}经理", "13800000001", "zh_CN")
    if role is not None:
        await service.grant(person, role, unit)
    return person


async def test_a_person_is_added_with_an_app_inbox_and_read_with_their_grants() -> None:
    unit = await a_unit()
    person_id = await a_person("wang", Role.UNIT_MANAGER, unit)
    person = await queries.person(person_id)
    assert (person.code, person.language, person.is_provider) == ("wang", "zh_CN", False)
    assert [(each.role, each.unit) for each in person.grants] == [(Role.UNIT_MANAGER, unit)]
    assert person == await queries.person_by_code("wang")
    reached = await queries.recipients(unit)
    assert [(each.person, each.channel, each.address) for each in reached] == [(person_id, Channel.APP, "wang")]


async def test_a_code_that_is_taken_and_particulars_that_are_wrong_are_refused() -> None:
    await a_person("wang")
    with pytest.raises(Conflict):
        await a_person("wang")
    for code, name, phone, language in (
        ("", "王", "", ""),
        ("w\x00", "王", "", ""),
        ("w2", "", "", ""),
        ("w2", "王", "12345678901", ""),
        ("w2", "王", "", "fr"),
    ):
        with pytest.raises(BadInput):
            await service.add_person(code, name, phone, language)
    assert len(await fetch("select 1 from people")) == 1


async def test_a_role_is_held_where_it_belongs_and_given_twice_is_held_once() -> None:
    unit, person = await a_unit(), await a_person()
    for role, where in ((Role.UNIT_DUTY, None), (Role.PROVIDER_OPERATOR, unit)):
        with pytest.raises(BadInput):
            await service.grant(person, role, where)
    for _ in range(2):
        await service.grant(person, Role.UNIT_DUTY, unit)
        await service.grant(person, Role.PROVIDER_OPERATOR, None)
    assert len((await queries.person(person)).grants) == 2
    await service.revoke(person, Role.PROVIDER_OPERATOR, None)
    assert not (await queries.person(person)).is_provider
    with pytest.raises(NotFound):
        await service.grant(person, Role.UNIT_DUTY, UnitId(new_id()))
    with pytest.raises(NotFound):
        await service.grant(PersonId(new_id()), Role.UNIT_DUTY, unit)


async def test_a_code_works_once_for_its_purpose_and_ten_minutes(still: clock.StillClock) -> None:
    person = await a_person()
    code = await service.new_code(person, "phone")
    with pytest.raises(CodeNotValid):
        await service.redeem_code(code, "telegram")
    still.advance(timedelta(minutes=9, seconds=59))
    assert (await service.redeem_code(code, "phone")).id == person
    with pytest.raises(CodeNotValid):
        await service.redeem_code(code, "phone")
    late = await service.new_code(person, "phone")
    still.advance(timedelta(minutes=10))
    with pytest.raises(CodeNotValid):
        await service.redeem_code(late, "phone")
    older, newer = await service.new_code(person, "phone"), await service.new_code(person, "phone")
    with pytest.raises(CodeNotValid):
        await service.redeem_code(older, "phone")
    assert (await service.redeem_code(newer, "phone")).id == person
    with pytest.raises(BadInput):
        await service.new_code(person, "fax")


async def test_of_many_who_come_with_one_code_at_once_one_wins() -> None:
    code = await service.new_code(await a_person(), "phone")
    came = await asyncio.gather(*(service.redeem_code(code, "phone") for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(each, CodeNotValid) for each in came) == 5


async def test_only_digests_of_codes_and_tokens_are_stored() -> None:
    person = await a_person()
    code, token = await service.new_code(person, "phone"), await service.open_session(person, "phone", "手机")
    kept = str(await fetch("select * from one_time_codes")) + str(await fetch("select * from sessions"))
    assert code not in kept
    assert token not in kept


@pytest.mark.parametrize(("kind", "lasts"), [("phone", timedelta(days=90)), ("console", timedelta(hours=12))])
async def test_a_session_lasts_its_time_and_no_longer(still: clock.StillClock, kind: str, lasts: timedelta) -> None:
    person = await a_person()
    token = await service.open_session(person, kind, "one")
    still.advance(lasts - timedelta(seconds=1))
    assert (await service.person_of_session(token)).id == person
    seen = await fetch_one("select last_seen_at from sessions")
    assert seen == {"last_seen_at": still.now()}
    still.advance(timedelta(seconds=1))
    with pytest.raises(NotSignedIn):
        await service.person_of_session(token)


async def test_a_session_ends_when_closed_and_when_its_person_is_deactivated() -> None:
    person = await a_person()
    first, second = [await service.open_session(person, "phone", "one") for _ in range(2)]
    await service.close_session(first)
    await service.close_session(first)
    with pytest.raises(NotSignedIn):
        await service.person_of_session(first)
    code = await service.new_code(person, "phone")
    await service.deactivate(person)
    with pytest.raises(NotSignedIn):
        await service.person_of_session(second)
    with pytest.raises(CodeNotValid):
        await service.redeem_code(code, "phone")
    with pytest.raises(NotFound):
        await service.open_session(person, "phone", "again")
    with pytest.raises(NotFound):
        await service.deactivate(person)


async def test_an_api_token_lasts_as_long_as_its_owner_chose(still: clock.StillClock) -> None:
    person = await a_person()
    token = await service.open_session(person, "api", "erp", timedelta(days=2))
    still.advance(timedelta(days=1))
    assert (await service.person_of_session(token)).code == "wang"
    still.advance(timedelta(days=1))
    with pytest.raises(NotSignedIn):
        await service.person_of_session(token)
    for kind, lifetime in (("console", timedelta(days=2)), ("api", timedelta())):
        with pytest.raises(BadInput):
            await service.open_session(person, kind, "no", lifetime)


async def test_a_linked_chat_speaks_for_its_person_and_is_a_verified_way_to_them() -> None:
    unit = await a_unit()
    person = await a_person("wang", Role.UNIT_DUTY, unit)
    linked = await service.link_chat(await service.new_code(person, "telegram"), Channel.TELEGRAM, "77", "1001")
    assert linked.id == person
    found = await service.person_of_chat(Channel.TELEGRAM, "77")
    assert found == linked
    assert await service.person_of_chat(Channel.TELEGRAM, "78") is None
    row = await fetch_one("select address, verified_at from contact_points where channel = 'telegram'")
    assert row is not None
    assert row["address"] == "1001"
    assert row["verified_at"] is not None
    await service.link_chat(await service.new_code(person, "telegram"), Channel.TELEGRAM, "77", "1001")
    assert len(await queries.recipients(unit)) == 2
    await service.unlink_chat(Channel.TELEGRAM, "77")
    assert await service.person_of_chat(Channel.TELEGRAM, "77") is None
    assert [each.channel for each in await queries.recipients(unit)] == [Channel.APP]
    await service.link_chat(await service.new_code(person, "telegram"), Channel.TELEGRAM, "77", "1001")
    assert {each.channel for each in await queries.recipients(unit)} == {Channel.APP, Channel.TELEGRAM}


async def test_a_chat_account_that_is_linked_again_is_the_new_persons_only() -> None:
    unit = await a_unit()
    first = await a_person("wang", Role.UNIT_DUTY, unit)
    second = await a_person("li", Role.UNIT_DUTY, unit)
    for person in (first, second):
        await service.link_chat(await service.new_code(person, "telegram"), Channel.TELEGRAM, "77", "1001")
    found = await service.person_of_chat(Channel.TELEGRAM, "77")
    assert found is not None
    assert found.id == second
    ways = await queries.recipients(unit)
    assert [each.person for each in ways if each.channel is Channel.TELEGRAM] == [second]


async def test_a_code_for_a_chat_is_not_used_up_by_a_link_that_is_refused() -> None:
    person = await a_person()
    code = await service.new_code(person, "phone")
    with pytest.raises(CodeNotValid):
        await service.link_chat(code, Channel.TELEGRAM, "77", "1001")
    assert (await service.redeem_code(code, "phone")).id == person
    assert await fetch("select 1 from chat_identities") == []


async def test_a_failing_contact_says_so_until_it_works_again(still: clock.StillClock) -> None:
    unit = await a_unit()
    person = await a_person("wang", Role.UNIT_DUTY, unit)
    point = await service.add_contact_point(person, Channel.TELEGRAM, "1001", 2)
    assert await service.add_contact_point(person, Channel.TELEGRAM, "1001", 3) == point
    await service.mark_contact_failing(Channel.TELEGRAM, "1001", "blocked")
    still.advance(timedelta(hours=1))
    await service.mark_contact_failing(Channel.TELEGRAM, "1001", "chat not found")
    row = await fetch_one("select failing_since, failure, priority from contact_points where id = $1", point)
    assert row == {"failing_since": NOW, "failure": "chat not found", "priority": 3}
    assert [each.failure for each in await queries.recipients(unit)] == [None, "chat not found"]
    await service.mark_contact_well(Channel.TELEGRAM, "1001")
    assert [each.failure for each in await queries.recipients(unit)] == [None, None]
    with pytest.raises(BadInput):
        await service.add_contact_point(person, Channel.TELEGRAM, "@name", 1)


async def test_recipients_of_many_units_and_the_duty_desk_come_in_one_query() -> None:
    here, there, empty = await a_unit("U1"), await a_unit("U2"), await a_unit("U3")
    both = await a_person("both", Role.UNIT_DUTY, here)
    await service.grant(both, Role.UNIT_MANAGER, here)
    await service.grant(both, Role.UNIT_DUTY, there)
    await a_person("there", Role.MAINTAINER, there)
    gone = await a_person("gone", Role.UNIT_DUTY, here)
    await service.deactivate(gone)
    await a_person("desk", Role.PROVIDER_OPERATOR)
    await a_person("admin", Role.ADMINISTRATOR)
    reached = await queries.recipients_of([here, there, empty, None])
    assert {unit: [each.address for each in ways] for unit, ways in reached.items()} == {
        here: ["both"],
        there: ["both", "there"],
        empty: [],
        None: ["desk"],
    }


async def test_the_doors_show_a_unit_to_its_own_people_and_all_to_the_provider() -> None:
    mine, other = await a_unit("U1"), await a_unit("U2")
    maintainer = await queries.person(await a_person("zhao", Role.MAINTAINER, mine))
    desk = await queries.person(await a_person("qian", Role.PROVIDER_OPERATOR))
    doors.require(maintainer, Right.ACKNOWLEDGE, mine)
    doors.require(desk, Right.ADOPT, None)
    with pytest.raises(NotAllowed):
        doors.require(maintainer, Right.JUDGE, mine)
    for unit in (other, None, UnitId(new_id())):
        with pytest.raises(NotFound):
            doors.require(maintainer, Right.SEE, unit)
        with pytest.raises(NotFound):
            doors.require(maintainer, Right.JUDGE, unit)
    assert doors.units_seen(maintainer) == {mine}
    assert doors.units_seen(desk) is None
