"""A simulated day of storm: thousands of faults and fires in between, through the carriers' limits.

The checker knows every message that went: in every window of every limit no more than the carrier allows, every fire
told at once by two kinds at least, and all else told singly, in a summary, or with the reason why not.
"""

import heapq
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec
import pytest

from backend.core.ids import AttemptId, PersonId, new_id
from backend.core.settings import Budgets
from backend.core.vocabulary import Severity
from backend.delivery.budgets import LEAST_BUNDLED, Ask, Limit, Limits, Log, Word, decide, gather, keys_of, limits_of
from backend.delivery.retrying import USEFUL

START = datetime(2026, 11, 25, tzinfo=UTC)
DAY_S = 24 * 3600
LIMITS: Limits = limits_of(Budgets())
PEOPLE = 2
MEDIA = ("app", "telegram", "sms", "voice")
SEED = 20261125


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What went to a carrier."""

    medium: str
    address: str
    at: datetime
    is_fire: bool
    count: int


class Day:
    """The queue of attempts, and what left it."""

    def __init__(self) -> None:
        self.logs: dict[str, Log] = {}
        self.queue: list[tuple[datetime, int, Ask]] = []
        self.numbers = count()
        self.waiting: dict[AttemptId, Ask] = {}
        self.told: set[AttemptId] = set()  #: by another one's message
        self.messages: list[Message] = []
        self.fates: Counter[tuple[str, str]] = Counter()
        self.fires: dict[int, list[tuple[str, timedelta]]] = {}
        self.alarm_of: dict[AttemptId, tuple[int, datetime]] = {}

    def alarm(self, number: int, severity: Severity, at: datetime) -> None:
        is_fire = severity is Severity.FIRE
        if is_fire:
            self.fires[number] = []
        for person in range(PEOPLE):
            for medium in MEDIA:
                ask = Ask(
                    attempt=AttemptId(new_id()),
                    person=PersonId(people[person]),
                    medium=medium,
                    address=f"1380000000{person}",
                    is_fire=is_fire,
                    deadline_at=at + timedelta(seconds=3 if is_fire else 10),
                    useful_until=at + USEFUL[severity],
                )
                self.alarm_of[ask.attempt] = (number, at)
                heapq.heappush(self.queue, (at, next(self.numbers), ask))

    def run(self) -> None:
        while self.queue:
            now = self.queue[0][0]
            batch: list[Ask] = []
            while self.queue and self.queue[0][0] == now:
                ask = heapq.heappop(self.queue)[2]
                self.waiting.pop(ask.attempt, None)
                if ask.attempt not in self.told:
                    batch.append(ask)
            self.claim(batch, now)

    def claim(self, batch: list[Ask], now: datetime) -> None:
        answers = decide(batch, self.logs, LIMITS, now)
        taking = gather(batch, answers)
        along = {each for others in taking.values() for each in others}
        for ask in batch:
            answer = answers[ask.attempt]
            if answer.word is Word.GO:
                continue
            if answer.word is Word.SKIP and ask.attempt not in along:
                self.fates[ask.medium, "skipped"] += 1
                continue
            self.waiting[ask.attempt] = ask
            heapq.heappush(self.queue, (answer.at, next(self.numbers), ask))
        for ask in batch:
            if answers[ask.attempt].word is Word.GO:
                self.send(ask, now, takes=ask.attempt in taking)

    def send(self, ask: Ask, now: datetime, *, takes: bool) -> None:
        others = (
            [each for each in self.waiting.values() if each.whose == ask.whose and not each.is_fire] if takes else []
        )
        if len(others) + 1 < LEAST_BUNDLED:
            others = []
        for other in others:
            del self.waiting[other.attempt]
            self.told.add(other.attempt)
            self.fates[ask.medium, "in a summary"] += 1
        self.fates[ask.medium, "summaries" if others else "singly"] += 1
        self.messages.append(
            Message(medium=ask.medium, address=ask.address, at=now, is_fire=ask.is_fire, count=1 + len(others))
        )
        if ask.is_fire:
            number, raised_at = self.alarm_of[ask.attempt]
            self.fires[number].append((ask.medium, now - raised_at))


people = [new_id() for _ in range(PEOPLE)]


def weather() -> Iterator[tuple[datetime, Severity]]:
    """Faults every half minute, three squalls of hundreds in a few minutes, and forty fires, some of them close."""
    chance = random.Random(SEED)
    moments = [(chance.uniform(0, DAY_S), chance.choice([Severity.FAULT, Severity.OFFLINE])) for _ in range(2400)]
    for squall in (3, 11, 19):
        moments += [(squall * 3600 + chance.uniform(0, 300), Severity.FAULT) for _ in range(400)]
    moments += [(chance.uniform(0, DAY_S), Severity.FIRE) for _ in range(30)]
    moments += [(11 * 3600 + 120 + 0.3 * number, Severity.FIRE) for number in range(10)]
    for seconds, severity in sorted(moments):
        yield START + timedelta(seconds=seconds), severity


@pytest.fixture(scope="module")
def day() -> Day:
    one = Day()
    for number, (at, severity) in enumerate(weather()):
        one.alarm(number, severity, at)
    one.run()
    print(f"\n{len(one.alarm_of) // PEOPLE // len(MEDIA)} alarms, {len(one.messages)} messages")
    for (medium, fate), times in sorted(one.fates.items()):
        print(f"  {medium}: {times} {fate}")
    return one


def test_no_carriers_limit_is_exceeded_in_any_window(day: Day) -> None:
    counted: dict[tuple[str, Limit], list[Message]] = {}
    for message in day.messages:
        for key, limits in keys_of(LIMITS, message.medium, message.address).items():
            for limit in limits:
                counted.setdefault((key, limit), []).append(message)
    for (_, limit), messages in counted.items():
        first = 0
        for last, message in enumerate(messages):
            while messages[first].at <= message.at - limit.window:
                first += 1
            inside = last - first + 1
            assert inside <= limit.fire, (limit.label, message.at)
            assert message.is_fire or inside <= limit.plain, (limit.label, message.at)
    assert {limit.label for _, limit in counted} >= {limit.label for limit in LIMITS["sms"] + LIMITS["voice"]}


@pytest.mark.clause("4.3.3")
def test_every_fire_is_told_by_two_kinds_at_once(day: Day) -> None:
    assert len(day.fires) == 40
    for told in day.fires.values():
        in_time = {medium for medium, after in told if after <= timedelta(seconds=3)}
        assert len(in_time) >= 2, told


def test_what_is_no_fire_is_told_together_when_little_is_left(day: Day) -> None:
    assert day.fates["telegram", "in a summary"] > 1000
    assert max(message.count for message in day.messages if message.medium == "telegram") > 20
    assert day.fates["telegram", "skipped"] == 0
    told = sum(message.count for message in day.messages if not message.is_fire)
    skipped = sum(times for (_, fate), times in day.fates.items() if fate == "skipped")
    assert told + skipped + sum(message.is_fire for message in day.messages) == len(day.alarm_of)
    assert all(message.count == 1 for message in day.messages if message.is_fire)


def test_the_inbox_has_no_limit(day: Day) -> None:
    assert day.fates["app", "singly"] == len(day.alarm_of) // len(MEDIA)
