"""Storms: which alarm is told by itself, and which by the card of one that was told. Pure, and the rule is data.

The rule: the first alarm is told at once, whatever follows. What follows is told by a leader's card only when a
leader was told, still waits for an answer, and tells of the same cause; otherwise it is told by itself. When in
doubt, tell. Fire is never grouped over the border of its zone, and its second point is told at once: two points
of one zone are what 双报警 (confirmation) means.

    episode     from a group's first alarm until nothing new came for `quiet`
    leader      the told alarm whose card speaks for others; no longer than `longest`, and while nobody judged it
    doubling    in a storm that goes on people are told anew at twice, four times, eight times … the count
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from backend.core.ids import AlarmId
from backend.core.settings import Storms
from backend.core.vocabulary import Severity

#: more places than this are counted together, so that an episode's state stays small
_MOST_SPOTS: Final = 200
_OTHER_SPOTS: Final = "…"
_MOST_KINDS: Final = 200


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When one kind of group becomes a storm, how long its episode lasts, and when people are told anew."""

    least: int  #: from this many within `within` on, others are told by a leader
    within: timedelta
    quiet: timedelta  #: nothing new for so long: the episode is over
    longest: timedelta  #: no card speaks for others longer than this
    doubles: bool = True  #: told anew at doubling counts
    is_by_spot: bool = False  #: each zone has its own leader, and its first two points are told by themselves
    needs_standing: bool = False  #: a leader that has cleared speaks for nobody
    tells_first_kind: bool = False  #: the first of each condition is told by itself


def rules(storms: Storms) -> dict[str, Rule]:
    """The rules by the kind of group; see `groups_of` for which alarm is in which."""
    window, quiet = timedelta(seconds=storms.window_s), timedelta(seconds=storms.quiet_s)
    longest = timedelta(seconds=storms.leader_s)
    return {
        # one loop's (or system's) points with one condition: GB 50440 extract, 5 a, "Group"
        "loop": Rule(least=storms.least, within=window, quiet=quiet, longest=longest),
        # many loops of one unit at once: a flood, a power cut, lightning. A condition not heard yet is still told.
        "unit": Rule(least=storms.unit_least, within=window, quiet=quiet, longest=longest, tells_first_kind=True),
        # links of one unit fall together, spread over a patrol's length; where a device hangs says nothing of it
        "links": Rule(
            least=2,
            within=timedelta(seconds=storms.links_quiet_s),
            quiet=timedelta(seconds=storms.links_quiet_s),
            longest=4 * longest,
            doubles=False,
        ),
        "fire": Rule(
            least=3,
            within=timedelta(seconds=storms.fire_quiet_s),
            quiet=timedelta(seconds=storms.fire_quiet_s),
            longest=longest,
            is_by_spot=True,
            needs_standing=True,
            tells_first_kind=True,
        ),
    }


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule looks at of a new alarm."""

    alarm: AlarmId
    number: int
    at: datetime
    severity: Severity
    listeners: str  #: whose people hear of it: the unit, or the duty desk
    loop: str  #: device and system
    spot: str  #: building, floor, zone; the loop where no zone is known
    kind: str  #: condition, for fire with the component's type: a call point seconds a detector
    never_grouped: bool = False  #: people may be inside (喷放), history, a vendor's test


class Leader(msgspec.Struct, frozen=True):
    """The told alarm whose card speaks for others."""

    alarm: AlarmId
    number: int
    at: datetime


class Spot(msgspec.Struct, frozen=True):
    """One zone within an episode."""

    count: int = 0
    leader: Leader | None = None


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a group while alarms keep coming; kept as one JSON document."""

    last_at: datetime
    count: int = 0
    is_storm: bool = False
    leader: Leader | None = None
    recent: tuple[tuple[datetime, Leader | None], ...] = ()  #: the last `least`, each with whether it was told
    spots: dict[str, Spot] = {}
    kinds: tuple[str, ...] = ()

    def is_over(self, rule: Rule, at: datetime) -> bool:
        """Whether nothing new came for so long that this is another story."""
        return at - self.last_at > rule.quiet


def groups_of(point: Point) -> tuple[tuple[str, str], ...]:
    """The groups an alarm counts in, nearest first: (kind of group, key)."""
    if point.severity is Severity.FIRE:
        return (("fire", f"fire/{point.listeners}"),)
    if point.severity is Severity.OFFLINE:
        return (("links", f"links/{point.listeners}/{point.kind}"),)
    return (
        ("loop", f"loop/{point.listeners}/{point.loop}/{point.kind}"),
        ("unit", f"unit/{point.listeners}/{point.severity}"),
    )


def leader_for(episode: Episode, point: Point, rule: Rule, speaking: Mapping[AlarmId, bool]) -> Leader | None:
    """The leader whose card tells of `point`; None: it is told by itself.

    `speaking`: alarms that were told and are not judged or closed; each with whether its condition stands.
    """
    if point.never_grouped:
        return None
    return _by_spot(episode, point, rule, speaking) if rule.is_by_spot else _by_group(episode, point, rule, speaking)


def _by_group(episode: Episode, point: Point, rule: Rule, speaking: Mapping[AlarmId, bool]) -> Leader | None:
    recent = [told for at, told in episode.recent if at >= point.at - rule.within]
    count = episode.count + 1
    if not episode.is_storm and len(recent) + 1 < rule.least:
        return None
    if rule.tells_first_kind and _kind_of(point, rule) not in episode.kinds:
        return None
    if rule.doubles and count >= 2 * rule.least and _is_doubled(count, rule.least):
        return None
    leader = episode.leader if episode.is_storm else next((told for told in recent if told is not None), None)
    return _heard(leader, point, rule, speaking)


def _by_spot(episode: Episode, point: Point, rule: Rule, speaking: Mapping[AlarmId, bool]) -> Leader | None:
    spot = episode.spots.get(point.spot, Spot())
    count = spot.count + 1
    if count < rule.least or _is_doubled(count, 1):
        return None
    if _kind_of(point, rule) not in episode.kinds:
        return None
    return _heard(spot.leader, point, rule, speaking)


def _heard(leader: Leader | None, point: Point, rule: Rule, speaking: Mapping[AlarmId, bool]) -> Leader | None:
    if leader is None or leader.alarm not in speaking or point.at - leader.at > rule.longest:
        return None
    return leader if speaking[leader.alarm] or not rule.needs_standing else None


def _kind_of(point: Point, rule: Rule) -> str:
    """A call point that seconds a detector is news in each zone anew."""
    return f"{point.spot}|{point.kind}" if rule.is_by_spot else point.kind


def _is_doubled(count: int, base: int) -> bool:
    """Whether `count` is `base` times a power of two."""
    times, rest = divmod(count, base)
    return rest == 0 and times & (times - 1) == 0


def noted(episode: Episode, point: Point, rule: Rule, *, is_told: bool) -> Episode:
    """The episode with `point` in it. Who is told by itself in a storm leads from then on: its card is the newest."""
    own = Leader(point.alarm, point.number, point.at) if is_told else None
    recent = [each for each in episode.recent if each[0] >= point.at - rule.within]
    is_storm = episode.is_storm or len(recent) + 1 >= rule.least
    leader = episode.leader
    if is_storm and not episode.is_storm:
        leader = next((told for _, told in recent if told is not None), own)
    elif is_storm and own is not None:
        leader = own
    name = point.spot if point.spot in episode.spots or len(episode.spots) < _MOST_SPOTS else _OTHER_SPOTS
    spot = episode.spots.get(name, Spot())
    kinds, kind = episode.kinds, _kind_of(point, rule)
    if kind not in kinds and len(kinds) < _MOST_KINDS:
        kinds = (*kinds, kind)
    return Episode(
        last_at=max(episode.last_at, point.at),
        count=episode.count + 1,
        is_storm=is_storm,
        leader=leader,
        recent=(*recent, (point.at, own))[-rule.least :],
        spots={**episode.spots, name: Spot(spot.count + 1, own or spot.leader)},
        kinds=kinds,
    )


def spot_count(episode: Episode, point: Point) -> int:
    """How many points of the same zone the episode holds, this one included when it is noted."""
    return episode.spots.get(point.spot, Spot()).count


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule says of one alarm: by whom it is told, and as which point of how many in its zone."""

    leader: Leader | None
    group: str  #: key of the group that leads it, or of its nearest one
    nth: int
    in_spot: int
    is_storm: bool


def decide(
    episodes: dict[str, Episode], point: Point, by_kind: dict[str, Rule], speaking: Mapping[AlarmId, bool]
) -> Decided:
    """Decide `point`, and bring the episodes it counts in up to date.

    The nearest group that has a leader tells it. A wider group counts only what no nearer one could tell: one loop's
    storm is none of the unit's.
    """
    groups = groups_of(point)
    leader, group, asked = None, groups[0][1], 0
    for kind, key in groups:
        asked += 1
        leader = leader_for(_current(episodes, key, point, by_kind[kind]), point, by_kind[kind], speaking)
        if leader is not None:
            group = key
            break
    for kind, key in groups[:asked]:
        rule = by_kind[kind]
        episodes[key] = noted(_current(episodes, key, point, rule), point, rule, is_told=leader is None)
    episode = episodes[group]
    return Decided(
        leader=leader,
        group=group,
        nth=episode.count,
        in_spot=spot_count(episode, point),
        is_storm=episode.is_storm,
    )


def _current(episodes: dict[str, Episode], key: str, point: Point, rule: Rule) -> Episode:
    episode = episodes.get(key)
    return Episode(last_at=point.at) if episode is None or episode.is_over(rule, point.at) else episode
