"""The device's clock: a date and time of day without a zone, and the six octets that carry it.

A wall clock is evidence of what a device showed, never a moment; it becomes one only when somebody names
the zone (`WallClock.in_zone`). GB/T 26875.3 时间标签: second, minute, hour, day, month, year, plain binary.
"""

from collections.abc import Iterable
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Final, Self

import msgspec

TIME_TAG_SIZE: Final = 6
NO_TIME: Final = bytes(TIME_TAG_SIZE)
CENTURY: Final = 2000
_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
#: Tags repeat (a storm shares one second), so reading them is remembered; the bound keeps memory flat.
_REMEMBERED_TAGS: Final = 4096


class WallClock(msgspec.Struct, frozen=True, order=True, gc=False):
    """A date and time of day as a device shows it, without zone (设备时钟)."""

    year: int
    month: int
    day: int
    hour: int = 0
    minute: int = 0
    second: int = 0

    @classmethod
    def of(cls, moment: datetime, zone: tzinfo) -> Self:
        """What a clock in `zone` shows at an aware `moment`. Raises ValueError for a naive one."""
        if moment.tzinfo is None:
            raise ValueError("a wall clock is made from an aware moment")
        shown = moment.astimezone(zone)
        return cls(shown.year, shown.month, shown.day, shown.hour, shown.minute, shown.second)

    def in_zone(self, zone: tzinfo) -> datetime:
        """The moment at which a clock in `zone` shows this."""
        return datetime(self.year, self.month, self.day, self.hour, self.minute, self.second, tzinfo=zone)

    def isoformat(self) -> str:
        """`2025-03-14T15:09:26`, without zone."""
        return f"{self.year:04}-{self.month:02}-{self.day:02}T{self.hour:02}:{self.minute:02}:{self.second:02}"

    @property
    def octets(self) -> bytes:
        """The six octets of the time tag. Raises ValueError outside 2000-2099."""
        if not 0 <= self.year - CENTURY <= 99:
            raise ValueError(f"a time tag cannot carry the year {self.year}")
        return bytes((self.second, self.minute, self.hour, self.day, self.month, self.year - CENTURY))


class TimeTag(msgspec.Struct, frozen=True, gc=False):
    """时间标签: six octets as received, and the wall clock they show, or None when they are no date."""

    octets: bytes
    wall_clock: WallClock | None

    @classmethod
    def of(cls, wall_clock: WallClock) -> Self:
        """The tag that carries `wall_clock`."""
        return cls(wall_clock.octets, wall_clock)

    @property
    def is_plausible(self) -> bool:
        """Whether it is a date, or all zero as devices without a clock send it (section 10.1)."""
        return self.wall_clock is not None or self.octets == NO_TIME


def _is_leap(year: int) -> bool:
    # Every fourth year of 2000-2099 is a leap year, 2000 included.
    return year % 4 == 0


def _from_numbers(numbers: Iterable[int]) -> WallClock | None:
    second, minute, hour, day, month, year = numbers
    if second > 59 or minute > 59 or hour > 23 or year > 99:
        return None
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1]:
        return None
    if month == 2 and day == 29 and not _is_leap(year):
        return None
    return WallClock(CENTURY + year, month, day, hour, minute, second)


@lru_cache(maxsize=_REMEMBERED_TAGS)
def read_time_tag(octets: bytes) -> TimeTag:
    """Read a binary time tag, the standard's form. Never raises: what is no date has no wall clock."""
    return TimeTag(octets, _from_numbers(octets))


@lru_cache(maxsize=_REMEMBERED_TAGS)
def read_bcd_time_tag(octets: bytes) -> TimeTag:
    """Read a time tag whose octets are two decimal digits each, as some devices send it (section 11.1)."""
    digits = octets.hex()
    if not digits.isdecimal():
        return TimeTag(octets, None)
    return TimeTag(octets, _from_numbers(int(digits[at : at + 2]) for at in range(0, len(digits), 2)))
