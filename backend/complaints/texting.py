"""A reply to a complaint's text message (短信回复): the complainant's words, wherever a chat could not reach them.

While it is open they are an answer; once it is over a digit and a reason rate it, and 重新打开 opens it again.

The rule: only who the message went to answers, and only what is no reply to an alarm: an alarm's words and codes are
never taken here. Whatever else comes is left to the alarms.
"""

import logging
import re
import unicodedata
from datetime import timedelta
from typing import Final
from uuid import UUID

from backend.alarms.answering import EXTEND_DIGITS
from backend.alarms.reply_words import read_reply
from backend.complaints import service
from backend.complaints.model import OPEN_STATES, STATE_LABELS, Complaint, ComplaintMovedOn
from backend.complaints.rows import complaint_for
from backend.core import clock
from backend.core.db.engine import fetch_one
from backend.core.errors import Refused
from backend.core.i18n import DEFAULT_LANGUAGE, N_, translate
from backend.core.vocabulary import Via
from backend.delivery.carrier_codes import kept, number_of_code
from backend.people.model import Person
from backend.people.queries import person
from backend.people.rules import phone_spellings

log = logging.getLogger(__name__)

_LONGEST: Final = 500
#: "5 处理及时", "3分：太慢"; never "3层还在漏水", and no digit alone: it may be an alarm's, and a rating has its reason
_RATING: Final = re.compile(r"([1-5])(?:\s*[分星★][\s,，。、:：;；]*|[\s,，。、:：;；]+)(\S.*)", re.DOTALL)
_REOPEN: Final = re.compile(r"(?:重新打开|reopen)[\s,，。、:：;；]*(\S.*)", re.DOTALL | re.IGNORECASE)
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


async def _act(who: Person, complaint_id: UUID, text: str) -> Complaint:
    """Whichever the words are: opening again, a rating, an answer. Raises what these raise."""
    complaint = await complaint_for(who, complaint_id)
    if complaint.state in OPEN_STATES:
        return await service.answer(who, complaint_id, text, Via.SMS)
    plain = unicodedata.normalize("NFKC", text)
    if (why := _REOPEN.fullmatch(plain)) is not None:
        return await service.reopen(who, complaint_id, why[1], Via.SMS)
    if (rated := _RATING.fullmatch(plain)) is not None:
        return await service.rate(who, complaint_id, int(rated[1]), rated[2], Via.SMS)
    raise ComplaintMovedOn(N_("该投诉已办结。回复“5 理由”可评价（1 到 5 分），回复“重新打开 理由”可重新打开"))


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
    language = DEFAULT_LANGUAGE
    try:
        who = await person(row["person"])
        language = who.language
        complaint = await _act(who, row["complaint"], text)
    except Refused as refused:
        log.info("an answer to a complaint was refused", extra={"why": refused.code})
        return translate(refused.sentence, language)
    state = translate(STATE_LABELS[complaint.state], language)
    return translate(N_("已收到，{number}：{state}"), language, number=complaint.number, state=state)
