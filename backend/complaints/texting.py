"""A reply to a complaint's text message (短信回复): the complainant's words, wherever a chat could not reach them.

The rule: only who the message went to answers, and only what is no reply to an alarm: an alarm's words and codes are
never taken here. Whatever else comes is left to the alarms.
"""

import logging
from datetime import timedelta
from typing import Final

from backend.alarms.answering import EXTEND_DIGITS
from backend.alarms.reply_words import read_reply
from backend.complaints import service
from backend.complaints.model import STATE_LABELS
from backend.core import clock
from backend.core.db.engine import fetch_one
from backend.core.errors import Refused
from backend.core.i18n import N_, translate
from backend.core.vocabulary import Via
from backend.delivery.carrier_codes import kept, number_of_code
from backend.people.queries import person
from backend.people.rules import phone_spellings

log = logging.getLogger(__name__)

_LONGEST: Final = 500
#: a message that is older is no longer what somebody answers
_ANSWERED_WITHIN: Final = timedelta(days=15)
#: the newest message to that telephone (or the one that its digits or code name), if it was a complaint's, to its own
_LAST: Final = """
    select t.kind, t.complaint, t.person from (
        select n.kind, n.alarm as complaint, a.person, c.complainant from attempts a join notices n on n.id = a.notice
            left join complaints c on c.id = n.alarm and n.kind = 'complaint'
        where a.channel = 'sms' and a.address = any($1) and a.t4 > $2
          and ($3::int is null or a.number % $4 = $3) and ($5::bigint is null or a.number = $5)
          and exists (select from contact_points p where p.person = a.person and p.channel = a.channel
                      and p.address = a.address)
        order by a.number desc limit 1) t
    where t.kind = 'complaint' and t.person = t.complainant"""


async def by_text(phone: str, text: str, *, extend: str | None = None) -> str | None:
    """Take a text message as its complainant's answer; the sentence to send back. None: it is none of ours."""
    text = kept(text, _LONGEST).strip()
    reply = read_reply(text)
    if not text or (reply is not None and not reply.code):
        return None
    digits = int(extend[-EXTEND_DIGITS:]) if extend and extend.isascii() and extend.isdecimal() else None
    code = number_of_code(reply.code) if reply is not None else None
    since = clock.now() - _ANSWERED_WITHIN
    row = await fetch_one(_LAST, list(phone_spellings(phone)), since, digits, 10**EXTEND_DIGITS, code)
    if row is None:
        return None
    try:
        who = await person(row["person"])
        complaint = await service.answer(who, row["complaint"], text, Via.SMS)
    except Refused as refused:
        log.info("an answer to a complaint was refused", extra={"why": refused.code})
        return refused.sentence
    state = translate(STATE_LABELS[complaint.state], who.language)
    return translate(N_("已收到，{number}：{state}"), who.language, number=complaint.number, state=state)
