"""`fenghuo doctor`: settings, servers, channels, storage headroom. Sends nothing unless told to."""

import shutil
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from backend.core import clock
from backend.core.beats import ailing, beats
from backend.core.db.engine import fetch, fetch_one
from backend.core.deadlines import LEAST_CONTACT_KINDS, RECORDS_KEPT
from backend.core.errors import BadSettings, NotFound, Refused
from backend.core.ids import AlarmId, AttemptId, NoticeId, PersonId, new_id
from backend.core.redis import RedisError, connect
from backend.core.settings import Settings
from backend.core.vocabulary import Severity
from backend.core.working_time import calendar_of
from backend.delivery.model import Card, Delivery, Refusal
from backend.ledger.verify import verify
from backend.main import build_channels
from backend.offline import with_database

_PATIENCE_S: Final = 3.0
_GROWTH_OVER: Final = timedelta(days=7)
#: the longest settlement of a complaint, over a long holiday
_CALENDAR_AHEAD: Final = timedelta(days=35)
Check = Callable[[Settings], Awaitable[tuple[bool, str]]]


async def see(settings: Settings, send_test_to: str) -> int:
    """`examine` on the database, or without one that is away. Raises `NotFound` for a folder that is not there."""
    if not settings.database.url and not _is_folder(settings.data):
        raise NotFound(f"there is no data directory {settings.data}; name one with --data")
    try:
        return await with_database(settings, lambda found: examine(found, send_test_to), patience_s=_PATIENCE_S)
    except BadSettings:
        raise
    except Refused as away:
        await examine(settings, "", away=away.sentence)
        return 1


def _is_folder(data: str) -> bool:
    return Path(data).is_dir()


async def examine(settings: Settings, send_test_to: str, *, away: str = "") -> int:
    """Print one line a check; answers 1 when any is not well. `away`: why the database can't be asked."""
    code = 0
    for name, check in CHECKS.items():
        if away and check in _ASK_THE_DATABASE:
            is_well, words = False, away
        else:
            is_well, words = await check(settings)
        print(f"{'ok  ' if is_well else 'BAD '} {name}: {words}")  # noqa: T201 - this is a command's output
        code = code if is_well else 1
    if send_test_to:
        code = await _send_tests(settings, send_test_to) or code
    return code


async def _database(_: Settings) -> tuple[bool, str]:
    row = await fetch_one("select current_setting('server_version') as version, current_user as role")
    assert row is not None
    return True, f"PostgreSQL {row['version']} as {row['role']}"


async def _redis(settings: Settings) -> tuple[bool, str]:
    if not settings.redis.url:
        return True, "embedded, started by `fenghuo up`"
    client = connect(settings.redis.url.value)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        return False, f"can't be reached ({type(error).__name__}); alarms go on, up to 0.7 s slower"
    finally:
        await client.aclose()
    return True, "answers"


async def _channels(settings: Settings) -> tuple[bool, str]:
    names = sorted(build_channels(settings))
    words = f"configured: {', '.join(names) or 'none'}{_vendors(settings)}"
    return len(names) >= LEAST_CONTACT_KINDS, words if len(names) >= LEAST_CONTACT_KINDS else f"{words}; two are needed"


def _vendors(settings: Settings) -> str:
    """Who carries texts and calls, in order; and where both hang on one company alone."""
    words = []
    for where, name in (("in China", "vendors"), ("abroad", "vendors_abroad")):
        texts, calls = getattr(settings.sms, name), getattr(settings.voice, name)
        words += [f"{kind} {where} by {', then '.join(by)}" for kind, by in (("texts", texts), ("calls", calls)) if by]
        if texts and len({*texts, *calls}) == 1 and calls:
            words.append(f"{texts[0]} alone carries both {where}: one failure takes both")
    used = {
        *settings.sms.vendors,
        *settings.sms.vendors_abroad,
        *settings.voice.vendors,
        *settings.voice.vendors_abroad,
    }
    if used and not settings.public_url.startswith("https://"):
        words.append("[http] public_url is not https, so vendors can't tell us of receipts, keys and replies")
    return "".join(f"; {each}" for each in words)


async def _carriers(_: Settings) -> tuple[bool, str]:
    """Vendors that a running worker leaves alone because they do not answer."""
    ill = ailing(await beats(), clock.now())
    return not ill, f"left alone, for they do not answer: {', '.join(ill)}" if ill else "none is left alone"


async def _units(_: Settings) -> tuple[bool, str]:
    rows = await fetch(
        """select u.code, count(distinct c.channel) as kinds from units u
           left join grants g on g.unit = u.id left join contact_points c on c.person = g.person
           group by u.code having count(distinct c.channel) < $1 order by u.code""",
        LEAST_CONTACT_KINDS,
    )
    if not rows:
        return True, "every unit has at least two kinds of contact"
    return False, f"fewer than two kinds of contact: {', '.join(row['code'] for row in rows)}"


async def _calendar(settings: Settings) -> tuple[bool, str]:
    """Days off that nobody entered count as worked: complaints would be late on a holiday."""
    year = calendar_of(settings.calendar).known_until
    is_known = year >= (clock.now() + _CALENDAR_AHEAD).year
    words = f"days off are known until the end of {year}"
    return is_known, words if is_known else f"{words}; enter those of {year + 1} as [calendar] days_off"


async def _ledger(_: Settings) -> tuple[bool, str]:
    verdict = await verify()
    return verdict.is_good, f"{verdict.rows} rows" if verdict.is_good else f"row {verdict.seq}: {verdict.reason}"


async def _storage(settings: Settings) -> tuple[bool, str]:
    """Days until the disk is full at the last week's growth, against the year that records are kept (5.2.3)."""
    row = await fetch_one(
        "select coalesce(sum(length(octets)) + 400 * count(*), 0) as octets from ledger where received_at > $1",
        clock.now() - _GROWTH_OVER,
    )
    assert row is not None
    free = _free_octets(Path(settings.data))
    a_day = int(row["octets"]) / _GROWTH_OVER.days
    if a_day == 0:
        return True, f"{free // 2**30} GiB free; nothing was recorded in the last week"
    days = free / a_day
    return days > RECORDS_KEPT.within.days, f"{free // 2**30} GiB free, enough for {int(days)} days at last week's rate"


def _free_octets(data: Path) -> int:
    return shutil.disk_usage(data if data.exists() else Path()).free


CHECKS: Final[dict[str, Check]] = {
    "database": _database,
    "redis": _redis,
    "channels": _channels,
    "vendors": _carriers,
    "units": _units,
    "calendar": _calendar,
    "ledger": _ledger,
    "storage": _storage,
}


_ASK_THE_DATABASE: Final = frozenset({_database, _carriers, _units, _ledger, _storage})


async def _send_tests(settings: Settings, code: str) -> int:
    """A test card by each of the person's contact points; answers 1 when one was refused."""
    points = await fetch(
        """select c.person, c.channel, c.address from contact_points c join people p on p.id = c.person
           where p.code = $1 order by c.priority""",
        code,
    )
    if not points:
        print(f"BAD  test message: {code} is nobody's code, or has no contact point")  # noqa: T201 - this is a command's output
        return 1
    channels, failed = build_channels(settings), 0
    card = Card(
        alarm=AlarmId(new_id()),
        number=0,
        severity=Severity.ABNORMAL,
        icon="✅",
        headline="测试消息",
        status="测试",
        is_active=False,
    )
    for point in points:
        channel = channels.get(point["channel"])
        if channel is None:
            print(f"BAD  {point['channel']}: not configured")  # noqa: T201 - this is a command's output
            failed = 1
            continue
        await channel.open()
        delivery = Delivery(
            attempt=AttemptId(new_id()),
            notice=NoticeId(new_id()),
            person=PersonId(point["person"]),
            address=point["address"],
            card=card,
        )
        try:
            await channel.send(delivery)
            print(f"ok   {point['channel']}: sent")  # noqa: T201 - this is a command's output
        except Refusal as refusal:
            print(f"BAD  {point['channel']}: {refusal.reason}")  # noqa: T201 - this is a command's output
            failed = 1
        finally:
            await channel.close()
    return failed
