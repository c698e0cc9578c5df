"""Answers to people leave room for their chat's alarms: talking with the bot makes no fault's card late (4.3.2)."""

from datetime import UTC, datetime, timedelta

import msgspec

from backend.core.ids import AttemptId, PersonId, new_id
from backend.core.settings import Budgets
from backend.core.vocabulary import Channel
from backend.delivery.budgets import Ask, Limits, Log, Word, decide, limits_of
from bots.telegram.pace import for_answers, for_keys

NOW = datetime(2026, 11, 26, 2, tzinfo=UTC)


def ask(now: datetime) -> Ask:
    return Ask(
        attempt=AttemptId(new_id()),
        person=PersonId(new_id()),
        medium=Channel.TELEGRAM,
        address="-1001",
        is_fire=False,
        useful_until=now + timedelta(minutes=5),
    )


def test_a_card_goes_in_time_though_a_group_talks_with_the_bot() -> None:
    limits: Limits = limits_of(Budgets())
    logs: dict[str, Log] = {}
    now, answered = NOW, 0
    for _ in range(24):
        one = ask(now)
        answered += decide([one], logs, for_answers(limits), now)[one.attempt].word is Word.GO
        now += timedelta(seconds=1.1)
    card = ask(now)
    answer = decide([card], logs, limits, now)[card.attempt]
    assert answer.at - now <= timedelta(seconds=10)
    assert answered >= 8, "and the talk was answered all the while"


def test_a_fires_card_goes_at_once_however_often_somebody_asks_for_the_second_tap() -> None:
    limits: Limits = limits_of(Budgets())
    for address in ("-1001", "1001"):
        logs: dict[str, Log] = {}
        now, shown = NOW, 0
        for _ in range(100):
            one = msgspec.structs.replace(ask(now), address=address)
            shown += decide([one], logs, for_keys(limits), now)[one.attempt].word is Word.GO
            now += timedelta(seconds=0.2)
        card = msgspec.structs.replace(ask(now), address=address, is_fire=True)
        assert decide([card], logs, limits, now)[card.attempt].word is Word.GO
        assert shown >= 13, "and there was more room than answers have"
