"""Rows of people, roles, contact points, chat identities, sessions and one-time codes."""

from piccolo.table import Table

from backend.core.db import columns as c


class PersonRow(Table, tablename="people"):
    """A person (人员)."""

    id = c.key()
    code = c.text(unique=True)
    name = c.text()
    phone = c.text()
    language = c.text()
    is_active = c.flag()
    created_at = c.moment()


class GrantRow(Table, tablename="grants"):
    """A role held in a unit, or at the provider when `unit` is empty."""

    id = c.key()
    person = c.link(PersonRow)
    role = c.text()
    unit = c.uid(null=True, index=True)
    granted_at = c.moment()


class ContactPointRow(Table, tablename="contact_points"):
    """A way to reach a person (联络方式)."""

    id = c.key()
    person = c.link(PersonRow)
    channel = c.text()
    address = c.text()
    priority = c.number()
    verified_at = c.moment(null=True)
    failing_since = c.moment(null=True)
    failure = c.text(null=True)
    failures = c.counter()  #: in a row
    created_at = c.moment()


class ChatIdentityRow(Table, tablename="chat_identities"):
    """A chat account bound to a person. The account is never the identity."""

    id = c.key()
    person = c.link(PersonRow)
    channel = c.text()
    account = c.text(index=True)
    chat = c.text()
    linked_at = c.moment()
    unlinked_at = c.moment(null=True)


class OneTimeCodeRow(Table, tablename="one_time_codes"):
    """A code that works once and for a short time; only its digest is kept."""

    id = c.key()
    person = c.link(PersonRow)
    purpose = c.text()
    digest = c.text(unique=True)
    created_at = c.moment()
    expires_at = c.moment()
    used_at = c.moment(null=True)


class SessionRow(Table, tablename="sessions"):
    """A signed-in phone or browser, or an API token; only the token's digest is kept."""

    id = c.key()
    person = c.link(PersonRow)
    kind = c.text()
    digest = c.text(unique=True)
    label = c.text()
    created_at = c.moment()
    expires_at = c.moment()
    last_seen_at = c.moment()
    revoked_at = c.moment(null=True)


class ChatGroupRow(Table, tablename="chat_groups"):
    """A group chat bound to a unit. `person` stands for it in grants and contact points; it signs in nowhere."""

    id = c.key()
    channel = c.text()
    chat = c.text()
    topic = c.text()  #: empty: the group has none
    title = c.text()
    unit = c.uid(index=True)
    person = c.link(PersonRow)
    bound_by = c.uid()
    bound_at = c.moment()
    unbound_at = c.moment(null=True)


class QuietHoursRow(Table, tablename="quiet_hours"):
    """A person's own quiet hours (勿扰时段), in minutes of the unit's local day; a fire overrides them."""

    person = c.key()
    since_minute = c.number()
    until_minute = c.number()
    changed_at = c.moment()
