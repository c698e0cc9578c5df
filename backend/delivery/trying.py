"""Trying a contact (联络方式测试): a test card by the real way, the outbox and the carriers' limits included.

The rule: it speaks of no alarm, nothing follows when it fails, and the contact is verified when its owner answers or
their phone shows it.
"""

from datetime import timedelta
from typing import Final

from backend.core import clock
from backend.core.announce import announce
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.errors import Conflict
from backend.core.i18n import DEFAULT_LANGUAGE, N_, _, known_language, translate
from backend.core.ids import AlarmId, AttemptId, ContactPointId, NoticeId, new_id
from backend.core.vocabulary import CHANNEL_LABELS, Lane, Severity
from backend.delivery.model import Action, Card, NoticeKind, Verb
from backend.delivery.plan import encode_cards
from backend.ledger.service import record_action
from backend.people.contacts import Contact, contact_for
from backend.people.model import Person
from backend.people.service import mark_contacts_verified

#: carriers count each; and whoever waits for one should not be rung again
_NO_OFTENER: Final = timedelta(minutes=1)
_RECENT: Final = """
    select 1 from attempts a join notices n on n.id = a.notice
    where a.contact_point = $1 and n.kind = 'contact_test' and a.created_at > $2 limit 1"""
_NOTICE: Final = """
    insert into notices (id, alarm, unit, kind, severity, lane, cards, revision, deadline_at, clause, t0, t1, t3,
                         created_at)
    values ($1, $1, null, $2, $3, $4, $5::jsonb, 0, null, null, $6, $6, $6, $6)"""
_ATTEMPT: Final = """
    insert into attempts (id, notice, person, contact_point, channel, address, lane, state, language, due_at, tries,
                          drawn_revision, created_at, step, round)
    values ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, 0, 0, $9, 0, 0)"""
#: what came to a group is answered by whoever reads it there and has a part in its unit: nobody else stands for it
_ANSWERED: Final = """
    update attempts a set t7 = $3 from notices n
    where n.id = a.notice and n.id = $1 and n.kind = 'contact_test' and a.t7 is null
        and (a.person = $2 or exists (
            select from chat_groups g join grants r on r.person = $2 and (r.unit = g.unit or r.unit is null)
            where g.person = a.person and g.unbound_at is null))
    returning a.contact_point"""


async def try_contact(person: Person, contact_id: ContactPointId) -> None:
    """Send a test card to a contact that is the person's own or theirs to mend. Raises `NotFound`, `Conflict`."""
    attempt, notice = AttemptId(new_id()), NoticeId(new_id())
    async with transaction():
        contact = await contact_for(person, contact_id)
        await execute("select 1 from contact_points where id = $1 for update", contact.id)
        if await fetch_one(_RECENT, contact.id, clock.now() - _NO_OFTENER) is not None:
            raise Conflict(_("刚刚已发送过测试消息，请稍候再试"))
        await _plan(notice, attempt, contact)
        facts = {"contact": str(contact.id), "channel": str(contact.channel), "notice": str(notice)}
        await record_action(person.code, "contact.tested", facts)
    await announce({Lane.ROUTINE: [attempt]}, {}, [])


async def _plan(notice: NoticeId, attempt: AttemptId, contact: Contact) -> None:
    """One notice with one attempt, as delivery.plan writes them for an alarm."""
    now, lane, language = clock.now(), str(Lane.ROUTINE), known_language(contact.language)
    cards = {each: trial_card(notice, contact, each) for each in sorted({language, DEFAULT_LANGUAGE})}
    await execute(
        _NOTICE, notice, str(NoticeKind.CONTACT_TEST), str(Severity.ABNORMAL), lane, encode_cards(cards).decode(), now
    )
    await execute(
        _ATTEMPT, attempt, notice, contact.person, contact.id, str(contact.channel), contact.address, lane, language,
        now,
    )  # fmt: skip


def trial_card(notice: NoticeId, contact: Contact, language: str) -> Card:
    """What the contact's owner reads. Its one button says that it came."""
    return Card(
        alarm=AlarmId(notice),
        number=0,
        severity=Severity.ABNORMAL,
        icon="🔔",
        headline=translate(N_("联络方式测试"), language),
        status=translate(N_("不是报警"), language),
        is_active=True,
        where=translate(N_("{name} 的{channel}"), language, name=contact.name,
                        channel=translate(CHANNEL_LABELS[contact.channel], language)),
        what=translate(N_("收到此消息，说明报警可以通过此方式送达"), language),
        actions=(Action(Verb.CONTACT_WORKS, translate(N_("我已收到"), language), "primary"),),
        raised_at=clock.now(),
    )  # fmt: skip


async def contact_works(person: Person, notice: NoticeId) -> bool:
    """The person answered a test card: the contact is theirs, and works. Answers whether there was one to answer."""
    now = clock.now()
    async with transaction():
        rows = await fetch(_ANSWERED, notice, person.id, now)
        await mark_contacts_verified([ContactPointId(row["contact_point"]) for row in rows], now)
    return bool(rows)
