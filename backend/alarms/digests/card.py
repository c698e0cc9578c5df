"""The digest's neutral Card: what happened, and how the unit stands. Pure."""

from typing import Final

from backend.alarms.digests.model import EVERY_LABELS, HEADLINES, Wish
from backend.alarms.status_review import Period, Review
from backend.alarms.status_words import counts_line, link_line, period_lines, value_words
from backend.core.i18n import N_, translate
from backend.core.ids import AlarmId
from backend.core.vocabulary import Severity
from backend.delivery.model import Card, Fact, Key
from backend.monitoring.measures import Measure

_MOST_MEASURES: Final = 6
_ICON: Final = "🗒"


def digest_card(wish: Wish, number: int, period: Period, review: Review, language: str) -> Card:
    """One digest in its person's language."""
    when, *happened = period_lines(period, None, "", language)
    every = translate(EVERY_LABELS[wish.every], language, time=wish.time)
    return Card(
        alarm=AlarmId(wish.id),
        about="review",
        number=number,
        severity=Severity.ABNORMAL,
        icon=_ICON,
        headline=translate(HEADLINES[wish.every], language),
        status=every,
        is_active=False,
        unit=review.name or translate(N_("全部联网单位"), language),
        where=when,
        what="\n".join(happened),
        facts=(
            Fact(translate(N_("现在未关闭"), language), counts_line(review, language)),
            Fact(translate(N_("通信"), language), link_line(review, language)),
            Fact(
                translate(N_("屏蔽"), language),
                translate(
                    N_("{masks} 处，其中报警 {alarms} 起"), language, masks=len(review.masks), alarms=review.masked
                ),
            ),
            *(_gauge(each, language, is_named=not review.name) for each in review.measures[:_MOST_MEASURES]),
        ),
        keys=(_keys(wish, language),),
        raised_at=review.at,
    )


def _keys(wish: Wish, language: str) -> tuple[Key, ...]:
    """What a reader may want next; a key without an id would speak of the wish itself."""
    stop = Key(translate(N_("停止简报"), language), "dg-off")
    return (Key(translate(N_("状态"), language), "st", wish.unit), stop) if wish.unit else (stop,)


def _gauge(measure: Measure, language: str, *, is_named: bool) -> Fact:
    """A value with its time, as in the status review: it may be one of yesterday."""
    place = (measure.unit_name if is_named else "", measure.building, measure.name)
    return Fact(" ".join(part for part in place if part), value_words(measure.value, language))
