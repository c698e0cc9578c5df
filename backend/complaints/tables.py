"""Rows of complaints, their rounds, their story, their breaches, and who is there for which kind."""

from piccolo.columns import Text
from piccolo.table import Table

from backend.core.db import columns as c
from backend.people.tables import PersonRow
from backend.registry.tables import UnitRow


class ComplaintRow(Table, tablename="complaints"):
    """A complaint or feedback (投诉、服务反馈). What was filed stays as it was (see the trigger)."""

    id = c.key()
    number = c.text(unique=True)
    unit = c.link(UnitRow, index=False)
    kind = c.text()
    complainant = c.link(PersonRow)
    via = c.text()
    text = c.text()
    about = c.uid(null=True)
    about_person = c.maybe_link(PersonRow, index=False)
    about_words = c.text()
    is_flagged = c.flag()
    state = c.text()
    assignee = c.maybe_link(PersonRow)
    round = c.counter()
    revision = c.counter()
    filed_at = c.moment()


class ComplaintRoundRow(Table, tablename="complaint_rounds"):
    """From filing or reopening to the closure: deadlines, when what was done, cause, improvement, satisfaction."""

    id = c.key()
    complaint = c.link(ComplaintRow, index=False)
    number = c.number()
    began_at = c.moment()
    reply_due_at = c.moment()
    settle_due_at = c.moment()
    replied_at = c.moment(null=True)
    paused_at = c.moment(null=True)
    settled_at = c.moment(null=True)
    is_justified = c.maybe_flag()
    cause = c.text(null=True)
    improvement = c.text()
    rating_asked_at = c.moment(null=True)
    rating = c.number(null=True)
    rating_reason = c.text()
    closed_at = c.moment(null=True)
    reminders = c.counter()  #: a bit for each reminder that was given


class ComplaintEntryRow(Table, tablename="complaint_entries"):
    """What happened to a complaint: who, when, by what way, which words; internal ones are the provider's."""

    id = c.key()
    complaint = c.link(ComplaintRow)
    round = c.number()
    kind = c.text()
    at = c.moment()
    person = c.maybe_link(PersonRow, index=False)
    via = c.text(null=True)
    text = c.text()
    is_internal = c.flag()
    is_flagged = c.flag()
    facts = c.document()


class ComplaintBreachRow(Table, tablename="complaint_breaches"):
    """A first reply or a settlement that was not in time; once for each round, and append-only."""

    id = c.key()
    complaint = c.link(ComplaintRow, index=False)
    round = c.number()
    kind = c.text()
    due_at = c.moment()
    found_at = c.moment()
    done_at = c.moment(null=True)  #: when it was done all the same, if that was before it was found


class ComplaintDutyRow(Table, tablename="complaint_duties"):
    """Which kinds a complaint handler is there for; a handler without a row is there for all."""

    id = c.key()
    person = c.link(PersonRow, index=False)
    kind = c.text()


class ComplaintDayRow(Table, tablename="complaint_days"):
    """The last number of a day: "TS-20261126"."""

    day = Text(primary_key=True, default=None, null=False)
    last = c.number()
