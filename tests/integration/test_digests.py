"""The digest: wished for in a chat, sent once when due however often the chore runs, never to who may not see."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.alarms.digests.chat import DIGEST_TALK
from backend.alarms.digests.model import Every, minute_of, next_due
from backend.alarms.digests.service import digest_wish, send_digests
from backend.alarms.status_review import review_for
from backend.chat.model import Saying
from backend.core import clock
from backend.core.clock import StillClock, in_zone
from backend.core.db.engine import execute, fetch
from backend.core.errors import BadInput, NotAllowed
from backend.delivery.model import Card
from backend.monitoring.model import StateSaid
from backend.people.queries import person_by_code
from backend.registry.importing import import_path
from tests.integration.test_facilities import SAMPLE, hears, part
from tests.integration.test_status_review import speaker, tell_level
from tests.integration.test_what_people_ask_in_chat import another_like_it

WEDNESDAY = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
COMMANDS = {command.name: command.do for command in DIGEST_TALK.commands}


@pytest.fixture
async def sample(database: str) -> AsyncIterator[StillClock]:
    with clock.use(StillClock(WEDNESDAY)) as still:
        await import_path(SAMPLE)
        yield still


async def says(command: str, words: str, code: str = "wang") -> str:
    answer = await COMMANDS[command](await speaker(code), words)
    assert isinstance(answer, Saying)
    return "\n".join(answer.lines)


async def sent(code: str = "wang") -> list[Card]:
    rows = await fetch(
        """select distinct n.id, n.created_at, n.cards -> 'zh_CN' as card
           from notices n join attempts a on a.notice = n.id join people p on p.id = a.person
           where n.kind = 'review' and p.code = $1 order by n.created_at""",
        code,
    )
    return [msgspec.json.decode(row["card"], type=Card) for row in rows]


async def test_a_digests_figures_say_when_they_came_and_of_several_units_whose_they_are(sample: StillClock) -> None:
    at = await tell_level(240)
    assert "每天 08:00" in await says("daily", "08:00")
    await says("daily", "08:00", "qian")
    await another_like_it()
    sample.at = datetime(2026, 11, 27, 0, 0, tzinfo=UTC)
    assert await send_digests() == 2
    for code, whose in (("wang", ""), ("qian", "烽火示范大厦 ")):
        (card,) = await sent(code)
        figures = {fact.label: fact.value for fact in card.facts}
        assert figures[f"{whose}1号楼(办公楼) {at.description}"] == "2.4 m（2.7 … 3） 消防水箱(池)水位低 11-25 09:00"
        assert figures[f"{whose}1号楼(办公楼) 消防水池水位"] == "尚无数据"


async def test_who_sees_no_unit_is_offered_no_digest(sample: StillClock) -> None:
    assert sample
    with pytest.raises(NotAllowed, match="没有任何单位"):
        await says("digest", "", "shou")
    assert "本来就没有开" in await says("digest", "off", "shou")


async def test_a_digest_is_sent_once_a_day_however_often_the_chore_runs(sample: StillClock) -> None:
    assert "每天 08:00" in await says("daily", "08:00")
    assert await send_digests() == 0
    sample.at = datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC)
    assert await send_digests() == 0
    sample.advance(timedelta(seconds=1))  # 08:00 of the next day in Shanghai
    counts = await asyncio.gather(*(send_digests() for _ in range(3)))
    assert sorted(counts) == [0, 0, 1]
    sample.advance(timedelta(hours=5))
    assert await send_digests() == 0
    assert len(await sent()) == 1
    sample.at = datetime(2026, 11, 27, 0, 0, tzinfo=UTC)
    assert await send_digests() == 1
    assert len(await sent()) == 2


async def test_it_tells_what_the_pages_show_and_what_happened_since_the_last_one(sample: StillClock) -> None:
    await says("daily", "08:00")
    sample.advance(timedelta(hours=2))
    await hears(StateSaid(subject=part(101, 42), state=0b11))
    sample.at = datetime(2026, 11, 26, 0, 0, tzinfo=UTC)
    await send_digests()
    (card,) = await sent()
    review = await review_for(await person_by_code("wang"))
    assert (card.about, card.headline, card.unit) == ("review", "每日简报", "烽火示范大厦")
    assert "火警 1" in card.what
    assert f"火警 {review.glance.counts['fire'].open}" in card.facts[0].value
    assert {key.verb for row in card.keys for key in row} == {"dg-off"}
    sample.at = datetime(2026, 11, 27, 0, 0, tzinfo=UTC)
    await send_digests()
    assert "火警 0" in (await sent())[1].what


async def test_after_a_standstill_one_digest_tells_of_all_that_was_missed(sample: StillClock) -> None:
    await says("daily", "08:00")
    sample.advance(timedelta(hours=2))
    await hears(StateSaid(subject=part(101, 42), state=0b11))
    sample.advance(timedelta(days=3))
    assert await send_digests() == 1
    (card,) = await sent()
    assert "火警 1" in card.what
    wish = await digest_wish(await person_by_code("wang"))
    assert wish
    assert wish.next_at == datetime(2026, 11, 29, 0, 0, tzinfo=UTC)


async def test_it_goes_to_chats_and_pages_and_rings_no_telephone(sample: StillClock) -> None:
    await says("daily", "08:00")
    sample.at = datetime(2026, 11, 26, 0, 0, tzinfo=UTC)
    await send_digests()
    rows = await fetch(
        "select channel, state, due_at from attempts a join notices n on n.id = a.notice where n.kind = 'review'"
    )
    states = {row["channel"]: row["state"] for row in rows}
    assert states["voice"] == "skipped"
    assert {states["app"], states["telegram"]} == {"pending"}
    assert {row["due_at"] for row in rows} == {sample.at}


async def test_it_is_switched_on_and_off_in_the_chat_and_both_stand_in_the_ledger(sample: StillClock) -> None:
    assert "没有订阅" in await says("digest", "")
    assert "每周一 18:30" in await says("weekly", "18:30")
    assert "每周一 18:30" in await says("digest", "")
    assert "已停止" in await says("digest", "关")
    assert "本来就没有开" in await says("digest", "关")
    with pytest.raises(BadInput):
        await says("daily", "25:00")
    sample.advance(timedelta(days=9))
    assert await send_digests() == 0
    acts = [row["facts"] for row in await fetch("select facts from ledger where kind = 'action' order by seq")]
    acts = [msgspec.json.decode(each)["what"] for each in acts]
    assert [each for each in acts if each.startswith("digest")] == ["digest.wished", "digest.stopped"]


async def test_who_no_longer_sees_the_unit_is_told_nothing_and_the_wish_ends(sample: StillClock) -> None:
    await says("daily", "08:00", "li")
    await says("daily", "08:00", "qian")
    await execute("delete from grants where person = (select id from people where code = 'li')")
    sample.at = datetime(2026, 11, 26, 0, 0, tzinfo=UTC)
    assert await send_digests() == 1
    assert await sent("li") == []
    assert len(await sent("qian")) == 1  # the provider's own person: of all units, with no grant in any
    assert (
        await fetch("select next_at from digest_wishes w join people p on p.id = w.person where p.code = 'li'")
    ) == [{"next_at": None}]


@pytest.mark.parametrize(
    ("written", "minute"),
    [
        ("", 480),
        ("8", 480),
        ("08:00", 480),
        ("7:30", 450),
        ("0730", 450),
        ("18点30分", 1110),
        ("8点半", 510),
        ("７：３０", 450),
    ],
)
def test_a_time_is_read_as_people_write_it(written: str, minute: int) -> None:
    assert minute_of(written) == minute


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis' way
    st.integers(0, 1439),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/St_Johns"]),
    st.sampled_from(Every),
)
def test_the_next_one_is_after_now_within_a_day_or_a_week(now: datetime, minute: int, zone: str, every: Every) -> None:
    due = next_due(every, minute, zone, now)
    longest = timedelta(days=1 if every is Every.DAY else 7) + timedelta(hours=2)
    assert now < due <= now + longest
    local = in_zone(due, zone)
    if every is Every.WEEK:
        assert local.weekday() == 0
    assert next_due(every, minute, zone, due) > due
