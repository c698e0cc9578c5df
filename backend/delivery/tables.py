"""The outbox: notices, attempts, receipts, and the phone page's inbox."""

from piccolo.columns import Array, BigInt, BigSerial, Text
from piccolo.table import Table

from backend.core.db import columns as c
from backend.people.tables import ContactPointRow, PersonRow
from backend.registry.tables import UnitRow


class NoticeRow(Table, tablename="notices"):
    """Something people must be told (告警通知), its cards by language, its deadline and stamps t0…t3."""

    id = c.key()
    alarm = c.uid(index=True)
    unit = c.uid(null=True)
    kind = c.text()
    severity = c.text()
    lane = c.text()
    cards = c.document()
    revision = c.number()
    deadline_at = c.moment(null=True)
    clause = c.text(null=True)
    t0 = c.moment()
    t1 = c.moment()
    t2 = c.moment(null=True)
    t3 = c.moment()
    unheard_at = c.moment(null=True)  #: since when no way has taken it, and the duty desk was told
    created_at = c.moment(index=True)


class AttemptRow(Table, tablename="attempts"):
    """One notice to one person by one way (发送), with stamps t4…t7 and whether the deadline held."""

    id = c.key()
    number = BigSerial()  #: short, for carriers that take few characters
    notice = c.link(NoticeRow)
    person = c.link(PersonRow)
    contact_point = c.maybe_link(ContactPointRow)
    channel = c.text()
    address = c.text()
    lane = c.text()
    step = c.counter()  #: of the policy; 0 is the first
    round = c.counter()  #: how often the policy was gone through before
    state = c.text()
    language = c.text()
    due_at = c.moment()
    deadline_at = c.moment(null=True)
    lease_until = c.moment(null=True)
    lease_by = c.text(null=True)
    tries = c.number()
    drawn_revision = c.number()
    redraw_at = c.moment(null=True)
    surface = c.document(null=True)
    t4 = c.moment(null=True)
    t5 = c.moment(null=True)
    t6 = c.moment(null=True)
    t7 = c.moment(null=True)
    is_held = c.maybe_flag()
    why = c.text(null=True)  #: delivery.reasons: why it was not made, or waits
    because = c.text(null=True)  #: delivery.reasons: why it was begun beside the plan
    digest = c.document(null=True)  #: delivery.digest: what else this message tells
    created_at = c.moment()


class SpendingRow(Table, tablename="spendings"):
    """What of a carrier's limit was spent lately: the times of the messages that still count, by whose they are."""

    key = Text(primary_key=True, default=None, null=False)
    spent = Array(BigInt(), default=None, null=False)  #: delivery.budgets.Spent as one number each


class ReceiptRow(Table, tablename="receipts"):
    """What a carrier or phone said of an attempt (回执); append-only evidence."""

    id = c.key()
    attempt = c.link(AttemptRow)
    kind = c.text()
    at = c.moment()
    facts = c.document()


class InboxItemRow(Table, tablename="inbox_items"):
    """A card in a person's own inbox on the phone page. `seq` grows in commit order for each person."""

    seq = BigSerial(primary_key=True)
    person = c.link(PersonRow)
    attempt = c.uid()
    notice = c.uid()
    alarm = c.uid()
    revision = c.number()
    card = c.document()
    at = c.moment()
    is_new = c.flag()


class PolicyRow(Table, tablename="policies"):
    """A unit's own policy (通知策略) for a severity; without one the provider's default holds."""

    id = c.key()
    unit = c.link(UnitRow)
    severity = c.text()
    document = c.document()
    version = c.number()
    changed_at = c.moment()


class EscalationRow(Table, tablename="escalations"):
    """How far a raised notice's policy has come (升级); the policy is the one that held when it was raised."""

    id = c.key()
    notice = c.link(NoticeRow, index=False)
    alarm = c.uid(index=True)
    unit = c.uid(null=True)
    severity = c.text()
    policy = c.document()
    state = c.text()
    step = c.number()
    round = c.number()
    passes = c.number()
    began_at = c.moment()
    due_at = c.moment(null=True)
    answers = c.document()
    why = c.text()
    revision = c.number()


class BreachRow(Table, tablename="breaches"):
    """A deadline that was not kept, or a notice that was missing (不符合项); append-only evidence.

    `subject` is the most specific of attempt, notice and alarm: one breach of a kind for each.
    """

    id = c.key()
    kind = c.text()
    clause = c.text(null=True)
    subject = c.uid()
    alarm = c.uid(index=True)
    notice = c.uid(null=True)
    attempt = c.uid(null=True)
    unit = c.uid(null=True)
    severity = c.text()
    due_at = c.moment()
    found_at = c.moment()
    late_ms = c.number(null=True, big=True)  #: how late it was, when that was known as it was found
    cause_code = c.text()
    cause = c.document()


class BreachNoteRow(Table, tablename="breach_notes"):
    """What became of a breach: repaired, completed late, or what the quality lead notes of it; append-only."""

    id = c.key()
    breach = c.link(BreachRow)
    kind = c.text()
    at = c.moment()
    person = c.maybe_link(PersonRow)
    text = c.text()
    facts = c.document()
