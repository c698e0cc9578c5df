"""Who gets a complaint, who may see and handle it, and which words are marked as abusive. Pure.

The rules: never the person complained about, nor the complainant; else the quality lead, else an administrator. Abusive
words mark a text, and are never a reason to drop it.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from backend.complaints.model import OPEN_STATES, Complaint
from backend.core.ids import PersonId
from backend.core.vocabulary import ComplaintKind, Role
from backend.people.model import Person, Right

#: rude words as they are written; signs between the characters do not hide them
_ABUSIVE: Final = (
    "傻逼", "傻x", "sb", "他妈的", "妈的", "操你", "草泥马", "滚蛋", "混蛋", "王八蛋", "废物", "去死", "畜生",
    "白痴", "脑残", "fuck", "shit", "asshole", "bastard", "idiot", "moron",
)  # fmt: skip
_BETWEEN: Final = r"[\s*._\-·,，。!！]*"


def _pattern(word: str) -> str:
    if word.isascii():
        return rf"(?<![a-z0-9]){_BETWEEN.join(word)}(?:s|ing|er|ers|ed)?(?![a-z0-9])"
    return _BETWEEN.join(map(re.escape, word))


_FOUND: Final = re.compile("|".join(map(_pattern, _ABUSIVE)), re.IGNORECASE)


def is_abusive(text: str) -> bool:
    """Whether a text has words that its reader should be warned of."""
    return _FOUND.search(text) is not None


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody at the provider who may be given a complaint."""

    person: PersonId
    code: str
    role: Role
    name: str = ""
    kinds: frozenset[ComplaintKind] = frozenset()  #: that a handler is there for; none named: for all
    open: int = 0  #: how many they have already


def chosen(candidates: Sequence[Candidate], kind: ComplaintKind, never: Collection[PersonId | None]) -> PersonId | None:
    """Who gets a complaint of this kind: of the first group that has anybody, who has the fewest."""
    for belongs in _GROUPS:
        group = [each for each in candidates if each.person not in never and belongs(each, kind)]
        if group:
            return min(group, key=lambda each: (each.open, each.code)).person
    return None


def named_by(candidates: Sequence[Candidate], words: str) -> set[PersonId]:
    """Whom words name: who is complained about without having been chosen from a list must not get the complaint."""
    return {each.person for each in candidates if is_named(each.name, words)}


def is_named(name: str, words: str) -> bool:
    """Whether words have a name, however it is written."""
    return len(name) > 1 and name.casefold() in words.casefold()


def _named(candidate: Candidate, kind: ComplaintKind) -> bool:
    return candidate.role is Role.COMPLAINT_HANDLER and kind in candidate.kinds


def _for_all(candidate: Candidate, _: ComplaintKind) -> bool:
    return candidate.role is Role.COMPLAINT_HANDLER and not candidate.kinds


def _lead(candidate: Candidate, _: ComplaintKind) -> bool:
    return candidate.role is Role.QUALITY_LEAD


def _administrator(candidate: Candidate, _: ComplaintKind) -> bool:
    return candidate.role is Role.ADMINISTRATOR


_GROUPS: Final = (_named, _for_all, _lead, _administrator)


def may_see(person: Person, complaint: Complaint) -> bool:
    """The complainant; the unit's manager; whoever handles complaints. Never whom it is, or may be, about."""
    if person.id == complaint.complainant:
        return True
    return may_see_causes(person, complaint)


def may_handle(person: Person, complaint: Complaint) -> bool:
    """Whoever handles complaints, if it is neither theirs nor about them."""
    is_party = person.id in {complaint.complainant, *complaint.concerned}
    return not is_party and person.may(Right.HANDLE_COMPLAINTS, None)


def may_see_causes(person: Person, complaint: Complaint) -> bool:
    """Why it came to it (原因类别): whoever reads the monthly report with it, on its page as well (5.5)."""
    return person.id not in complaint.concerned and (
        person.may(Right.HANDLE_COMPLAINTS, None) or person.may(Right.SEE_COMPLAINTS, complaint.unit)
    )


def may_order(person: Person, complaint: Complaint) -> bool:
    """Whoever handles it may open a work order from it while it is open, without a right in its unit."""
    is_open = complaint.state in OPEN_STATES
    return is_open and may_handle(person, complaint) and person.may(Right.ORDER_COMPLAINED, complaint.unit)
