"""Who gets a complaint, who may see and handle it, which words are marked, and the month's figures by hand."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.complaints.card import Told, complaint_card
from backend.complaints.figures import RoundLine, figures_of
from backend.complaints.model import CauseClass
from backend.complaints.rules import Candidate, chosen, is_abusive, may_handle, may_see, named_by
from backend.complaints.telling import handler_ways, way_for
from backend.core.i18n import LANGUAGES
from backend.core.ids import ContactPointId, PersonId, UnitId, new_id
from backend.core.vocabulary import Channel, ComplaintKind, Role, Via
from backend.delivery.model import LONGEST_LINE
from backend.people.model import Grant, Person, Reach
from tests.unit.complaints.test_complaint_machine import filed

ALL_KINDS, SOME, LEAD, ADMIN = (PersonId(new_id()) for _ in range(4))
OCTOBER = datetime(2026, 10, 31, tzinfo=UTC)
DESK = [
    Candidate(person=ALL_KINDS, code="b", role=Role.COMPLAINT_HANDLER),
    Candidate(person=SOME, code="a", role=Role.COMPLAINT_HANDLER, kinds=frozenset({ComplaintKind.ALARM}), open=9),
    Candidate(person=LEAD, code="c", role=Role.QUALITY_LEAD),
    Candidate(person=ADMIN, code="d", role=Role.ADMINISTRATOR),
]


@pytest.mark.parametrize(
    ("kind", "never", "who"),
    [
        (ComplaintKind.ALARM, (), SOME),
        (ComplaintKind.ORDER, (), ALL_KINDS),
        (ComplaintKind.ALARM, (SOME,), ALL_KINDS),
        (ComplaintKind.PERSON, (ALL_KINDS,), LEAD),
        (ComplaintKind.PERSON, (ALL_KINDS, LEAD), ADMIN),
        (ComplaintKind.PERSON, (ALL_KINDS, LEAD, ADMIN), None),
    ],
)
def test_by_kind_then_whoever_is_for_all_then_the_quality_lead_then_an_administrator(
    kind: ComplaintKind, never: tuple[PersonId, ...], who: PersonId | None
) -> None:
    assert chosen(DESK, kind, never) == who


def test_who_has_fewer_gets_the_next_one() -> None:
    busy = [msgspec.structs.replace(DESK[0], open=2), Candidate(person=LEAD, code="z", role=Role.COMPLAINT_HANDLER)]
    assert chosen(busy, ComplaintKind.OTHER, ()) == LEAD


@given(st.lists(st.sampled_from(DESK)), st.sampled_from(list(ComplaintKind)), st.sets(st.sampled_from(DESK)))
def test_nobody_gets_a_complaint_about_themselves(
    candidates: list[Candidate], kind: ComplaintKind, never: set[Candidate]
) -> None:
    excluded = {each.person for each in never}
    who = chosen(candidates, kind, excluded)
    assert who not in excluded
    assert (who is None) == (not any(_may_get(each, kind) for each in candidates if each.person not in excluded))


@pytest.mark.parametrize(
    ("words", "who"),
    [("李受理和孙受理推诿", {ALL_KINDS, SOME}), ("li MING was rude", {LEAD}), ("没有人来", set()), ("", set())],
)
def test_whom_words_name_however_they_are_written(words: str, who: set[PersonId]) -> None:
    names = dict(zip(DESK, ("李受理", "孙受理", "Li Ming", "x"), strict=True))
    assert named_by([msgspec.structs.replace(each, name=name) for each, name in names.items()], words) == who


def _may_get(each: Candidate, kind: ComplaintKind) -> bool:
    return each.role is not Role.COMPLAINT_HANDLER or not each.kinds or kind in each.kinds


@pytest.mark.parametrize("text", ["你们这些王八蛋", "你个傻 逼", "F.u.c.k this", "滚！蛋", "what an IDIOT", "SB客服"])
def test_rude_words_are_found_however_they_are_written(text: str) -> None:
    assert is_abusive(text)


@pytest.mark.parametrize(
    "text", ["值班员没有接电话", "USB 接口坏了", "shitake mushrooms", "idiotic", "维保工具箱里的废料", "请尽快处理", ""]
)
def test_plain_words_are_not_marked(text: str) -> None:
    assert not is_abusive(text)


def somebody(role: Role, unit: UnitId | None = None, who: PersonId | None = None) -> Person:
    return Person(id=who or PersonId(new_id()), code="x", name="x", language="zh_CN", grants=(Grant(role, unit),))


def test_no_right_no_look_and_no_hand() -> None:
    one = filed()
    about = msgspec.structs.replace(one, about_person=LEAD)
    own = somebody(Role.UNIT_DUTY, one.unit, one.complainant)
    assert may_see(own, one)
    assert not may_handle(own, one)
    assert may_see(somebody(Role.UNIT_MANAGER, one.unit), one)
    assert not may_handle(somebody(Role.UNIT_MANAGER, one.unit), one)
    for stranger in (
        somebody(Role.UNIT_DUTY, one.unit),
        somebody(Role.MAINTAINER, one.unit),
        somebody(Role.UNIT_MANAGER, UnitId(new_id())),
        somebody(Role.PROVIDER_OPERATOR),
        somebody(Role.QUALITY_LEAD, who=LEAD),
    ):
        assert not may_see(stranger, about)
        assert not may_handle(stranger, about)
    for role in (Role.COMPLAINT_HANDLER, Role.QUALITY_LEAD, Role.ADMINISTRATOR):
        assert may_see(somebody(role), about)
        assert may_handle(somebody(role), about)
    itself = somebody(Role.COMPLAINT_HANDLER, who=one.complainant)
    assert not may_handle(itself, one)


def reach(channel: Channel, *, failure: str | None = None) -> Reach:
    return Reach(
        person=LEAD, name="x", language="zh_CN", contact_point=ContactPointId(new_id()), channel=channel, address="x",
        failure=failure,
    )  # fmt: skip


def test_an_answer_begins_with_the_way_it_was_asked_by_and_else_the_next_that_works() -> None:
    app, chat, sms = reach(Channel.APP), reach(Channel.TELEGRAM), reach(Channel.SMS)
    gone = reach(Channel.TELEGRAM, failure="blocked")
    assert way_for((sms, app, chat), Via.TELEGRAM) == (chat,)
    assert way_for((sms, app, chat), Via.PHONE) == (app,)
    assert way_for((sms, gone, app), Via.TELEGRAM) == (sms,)
    assert way_for((sms, app), Via.API) == (sms,)
    assert way_for((gone,), Via.TELEGRAM) == ()
    assert handler_ways((sms, app, chat)) == (app, chat)
    assert handler_ways((sms, gone)) == (sms,)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def line(kind: ComplaintKind, began: datetime, *, number: int = 0, **more: object) -> RoundLine:
    base = {"reply_due_at": began + timedelta(days=1), "settle_due_at": began + timedelta(days=3)}
    return RoundLine(kind=kind, number=number, began_at=began, **base | more)  # type: ignore[arg-type]


def test_the_figures_of_a_month_are_those_worked_out_by_hand() -> None:
    lines = [
        # both in time, rated 5
        line(ComplaintKind.ALARM, at(2), replied_at=at(2, 13), settled_at=at(3), rating_asked_at=at(3), rating=5,
             closed_at=at(4), cause=CauseClass.DEVICE, is_justified=True),
        # answered late, settled late, nobody rated
        line(ComplaintKind.ALARM, at(3), replied_at=at(5), settled_at=at(9), rating_asked_at=at(9), closed_at=at(14),
             cause=CauseClass.NOTICE, is_justified=True),
        # opened again and settled in time; rated 2; not justified: no cause is counted
        line(ComplaintKind.ALARM, at(10), number=1, replied_at=at(10), settled_at=at(11), rating_asked_at=at(11),
             rating=2, closed_at=at(12), cause=CauseClass.OTHER, is_justified=False),
        # withdrawn in time: neither kept nor broken
        line(ComplaintKind.OTHER, at(12), rating_asked_at=at(12, 14), closed_at=at(17)),
        # still waits for its complainant since before its deadline
        line(ComplaintKind.PRAISE, at(13), replied_at=at(13), paused_at=at(14)),
        # nobody did anything, and both have passed
        line(ComplaintKind.PERSON, at(20)),
        # filed last month, settled in this one in time
        line(ComplaintKind.ORDER, OCTOBER, replied_at=OCTOBER,
             settled_at=at(2), rating_asked_at=at(2), rating=4, closed_at=at(2), cause=CauseClass.DEVICE,
             is_justified=True),
        # due only next month
        line(ComplaintKind.QUESTION, at(30, 20)),
    ]  # fmt: skip
    month = figures_of(lines, at(1, 0), datetime(2026, 12, 1, tzinfo=UTC), at(30, 22))
    assert month.filed == 6
    assert month.by_kind == {"alarm": 2, "other": 1, "person": 1, "praise": 1, "question": 1}
    assert month.reopened == 1
    # replies: kept 2.11, broken 4.11 (due), kept 10.11, kept 13.11, broken 21.11 (due)
    assert (month.replies_due, month.replies_in_time, month.reply_share) == (5, 3, 60.0)
    # settlements: kept 3.11, broken 6.11, kept 11.11, broken 23.11, kept 2.11 (the one of October)
    assert (month.settlements_due, month.settlements_in_time, month.settlement_share) == (5, 3, 60.0)
    assert (month.asked, month.rated, month.unrated, month.satisfaction) == (5, 3, 2, 3.67)
    assert month.causes == {"device": 2, "notice": 1}


def test_a_month_without_complaints_has_no_shares() -> None:
    month = figures_of([], at(1), at(30), at(30))
    assert (month.filed, month.reply_share, month.settlement_share, month.satisfaction) == (0, None, None, None)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("number", ["TS-20261126-001", "FK-20261126-1234"])
def test_a_text_message_has_room_for_the_number_and_that_somebody_calls_in_every_language(
    language: str, number: str
) -> None:
    one = msgspec.structs.replace(filed(), number=number)
    card = complaint_card(one, Told.REPLY, "很长的答复" * 20, "示范大厦", language)
    assert card.short.startswith(f"{number} ")
    assert len(card.short) <= LONGEST_LINE
    assert complaint_card(one, Told.REPLY, "已修好", "示范大厦", language).short == ""
    assert complaint_card(one, Told.ASSIGNED, "很长的投诉" * 20, "示范大厦", language).short == "", (
        "a handler's is theirs"
    )
