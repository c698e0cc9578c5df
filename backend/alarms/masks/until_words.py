"""When a mask shall end, as people write it: "2小时", "3天", "18:30", "明天 8:00", "11-28 18:00". Pure.

The rule: times of day are the unit's wall clock; one that is over today is tomorrow's; what is not understood is None.
"""

import re
import unicodedata
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_UNITS: Final = {
    timedelta(minutes=1): ("分钟", "分", "minutes", "minute", "min", "m"),
    timedelta(hours=1): ("个小时", "小时", "时", "hours", "hour", "h"),
    timedelta(days=1): ("天", "日", "days", "day", "d"),
}
_BY_WORD: Final = {word: unit for unit, words in _UNITS.items() for word in words}
_SPAN: Final = re.compile(rf"(\d{{1,4}})\s*({'|'.join(sorted(_BY_WORD, key=len, reverse=True))})后?")
_HALF: Final = re.compile(r"半个?小时后?")
_NOON: Final = 12
_DAYS: Final = {"今天": 0, "今晚": 0, "today": 0, "明天": 1, "明早": 1, "tomorrow": 1, "后天": 2}
_MOMENT: Final = re.compile(
    rf"(?:(?P<day>{'|'.join(_DAYS)})|(?:(?P<year>\d{{4}})-)?(?P<month>\d{{1,2}})-(?P<date>\d{{1,2}}))?"
    r"\s*(?P<hour>\d{1,2})[:：点](?P<minute>\d{2}|半)?分?"
)


def until_of(text: str, now: datetime, zone: str) -> datetime | None:
    """The moment that words name, seen from `now` on the clock of `zone`."""
    said = unicodedata.normalize("NFKC", text).strip().lower()
    if _HALF.fullmatch(said):
        return now + timedelta(minutes=30)
    if (span := _SPAN.fullmatch(said)) is not None:
        return now + int(span[1]) * _BY_WORD[span[2]]
    moment = _MOMENT.fullmatch(said)
    if moment is None:
        return None
    try:
        return _moment(moment, now.astimezone(ZoneInfo(zone)))
    except ValueError:  # no such day or time: 25:00, 02-30
        return None


def _moment(found: re.Match[str], here: datetime) -> datetime:
    hour, minute = int(found["hour"]), 30 if found["minute"] == "半" else int(found["minute"] or 0)
    hour += 12 if found["day"] == "今晚" and hour < _NOON else 0
    day = _day(found, here.date())
    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=here.tzinfo)
    is_any_day = found["day"] is None and found["month"] is None
    return at + timedelta(days=1) if is_any_day and at <= here else at


def _day(found: re.Match[str], today: date) -> date:
    if found["month"] is None:
        return today + timedelta(days=_DAYS.get(found["day"] or "", 0))
    day = date(int(found["year"] or today.year), int(found["month"]), int(found["date"]))
    return day.replace(year=day.year + 1) if found["year"] is None and day < today else day
