"""A group's flood limits are the group's, whichever topic a card goes to and wherever the bot answers."""

from datetime import UTC, datetime, timedelta

from backend.core.ids import AttemptId, PersonId, new_id
from backend.core.settings import Budgets
from backend.core.vocabulary import Channel
from backend.delivery.budgets import Ask, Log, Word, decide, limits_of

NOW = datetime(2026, 11, 26, 2, tzinfo=UTC)


def ask(address: str, *, is_fire: bool = False) -> Ask:
    return Ask(
        attempt=AttemptId(new_id()), person=PersonId(new_id()), medium=Channel.TELEGRAM, address=address,
        is_fire=is_fire, useful_until=NOW + timedelta(minutes=5),
    )  # fmt: skip


def test_what_goes_to_topics_of_a_group_and_to_the_group_counts_together() -> None:
    limits, now, gone = limits_of(Budgets()), NOW, 0
    logs: dict[str, Log] = {}
    addresses = ("-100500", "-100500/7", "-100500/8")
    for turn in range(60):
        one = ask(addresses[turn % 3])
        gone += decide([one], logs, limits, now)[one.attempt].word is Word.GO
        now += timedelta(seconds=1)
    assert gone <= 20, "Telegram allows 20 messages a minute in one group"
