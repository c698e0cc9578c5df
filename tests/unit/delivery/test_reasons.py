"""A reason is said in the reader's language; a carrier's own words are quoted; a summary counts and names."""

import pytest

from backend.core.ids import AlarmId, new_id
from backend.core.vocabulary import Severity
from backend.delivery.digest import MOST_NAMED, digest_of, drawn
from backend.delivery.model import Action, Card, Verb
from backend.delivery.reasons import Reason, Why, read, sentence, written

FACTS = {
    "number": 7,
    "count": 12,
    "said": "blocked",
    "limit": "短信每个号码 24 小时的条数",
    "channel": "sms",
    "mark": "演练",
    "hours": "22:00-06:00",
}


@pytest.mark.parametrize("why", Why)
@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_every_reason_has_its_sentence_in_both_languages(why: Why, language: str) -> None:
    said = sentence(written(why, **FACTS), language)
    assert said
    assert "{" not in said
    assert (language == "en") == said.isascii() or "“" in said


def test_a_carriers_words_are_quoted_even_when_they_look_like_ours() -> None:
    assert sentence("Telegram: bot was blocked", "zh_CN") == "运营方答复：“Telegram: bot was blocked”"
    assert read('{"code": 500}') == Reason(Why.SAID, {"said": '{"code": 500}'})
    assert sentence("", "zh_CN") == sentence(None, "zh_CN") == ""


def test_a_reason_inside_a_reason_is_said_too() -> None:
    tired = written(Why.USELESS, said=written(Why.TIMEOUT))
    assert sentence(tired, "zh_CN") == "多次重试未成，已无时效：运营方未在时限内答复"
    assert sentence(written(Why.INSTEAD, channel="sms", said=tired), "en") == (
        "SMS failed, this way was taken instead: Tried until it was no use any more: The carrier did not answer in time"
    )


def card(number: int, severity: Severity = Severity.FAULT) -> Card:
    return Card(
        alarm=AlarmId(new_id()),
        number=number,
        severity=severity,
        icon="🛠",
        headline="故障",
        status="报警中",
        is_active=True,
        where=f"{number}层",
        actions=(Action(Verb.ACKNOWLEDGE, "确认"),),
    )


def test_a_summary_counts_all_by_severity_and_names_the_first() -> None:
    digest = digest_of([*map(card, range(1, 15)), card(15, Severity.OFFLINE)])
    told = drawn(card(1), digest, "zh_CN")
    assert (told.headline, told.status, told.what) == ("告警汇总", "共 15 条", "故障 14 · 离线 1")
    assert told.where == "1层 等 15 处"
    assert [fact.label for fact in told.facts] == [f"#{n} 故障" for n in range(1, MOST_NAMED + 1)] + ["…"]
    assert told.actions == ()


def test_a_summary_that_waited_takes_more_along() -> None:
    first = digest_of([card(1), card(2), card(3)])
    assert digest_of([card(4)], first).count == 4


def test_a_card_without_a_summary_is_its_alarms_own() -> None:
    own = card(1)
    assert drawn(own, None, "zh_CN") is own
