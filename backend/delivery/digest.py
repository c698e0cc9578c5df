"""Several messages that wait for one person and way, as one: who carries them, and what its card says. Pure.

The rule: the card counts all of them by severity and names the first few; it has no buttons, for one tap must not
answer for alarms that nobody has read.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from backend.core.i18n import N_, translate
from backend.core.vocabulary import SEVERITY_LABELS, Severity
from backend.delivery.model import Card, Fact

#: a phone's screen; the console and the phone page have them all
MOST_NAMED: Final = 10
_encode = msgspec.json.Encoder().encode


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What a message tells of beside its own alarm."""

    counts: dict[Severity, int]
    named: tuple[tuple[str, str], ...] = ()  #: "#12 故障", "1号楼 2层 · 感烟探测器"

    @property
    def count(self) -> int:
        """How many, the message's own included."""
        return sum(self.counts.values())


def digest_of(cards: Sequence[Card], before: Digest | None = None) -> Digest:
    """The digest of these cards, the first of them the message's own; or of what it told already, and these."""
    counts = dict(before.counts) if before else {}
    for card in cards:
        counts[card.severity] = counts.get(card.severity, 0) + 1
    named = (*(before.named if before else ()), *map(_named, cards))[:MOST_NAMED]
    return Digest(counts=counts, named=named)


def drawn(card: Card, digest: Digest | None, language: str) -> Card:
    """The card that is sent: the alarm's own, or the summary of all it speaks for."""
    if digest is None:
        return card
    each = ((severity, digest.counts[severity]) for severity in Severity if severity in digest.counts)
    by_severity = " · ".join(f"{translate(SEVERITY_LABELS[severity], language)} {count}" for severity, count in each)
    rest = digest.count - len(digest.named)
    more = (Fact("…", translate(N_("另有 {count} 条，请在页面查看"), language, count=rest)),) if rest else ()
    return msgspec.structs.replace(
        card,
        headline=translate(N_("告警汇总"), language),
        status=translate(N_("共 {count} 条"), language, count=digest.count),
        where=translate(N_("{where} 等 {count} 处"), language, where=card.where, count=digest.count),
        what=by_severity,
        facts=(*(Fact(*each) for each in digest.named), *more),
        known_by=(),
        verdict="",
        actions=(),
    )


def encoded(digest: Digest) -> str:
    """As it is stored on the attempt that carries it."""
    return _encode(digest).decode()


decode = msgspec.json.Decoder(Digest).decode


def _named(card: Card) -> tuple[str, str]:
    return f"#{card.number} {card.headline}", " · ".join(part for part in (card.where, card.status) if part)
