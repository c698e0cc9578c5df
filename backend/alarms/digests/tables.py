"""Rows of who wishes for a digest, and when the next is due."""

from piccolo.table import Table

from backend.core.db import columns as c
from backend.people.tables import PersonRow
from backend.registry.tables import UnitRow


class DigestWishRow(Table, tablename="digest_wishes"):
    """A person's wish for a digest (简报); one each. Ended ones stay, so that what was told is known."""

    id = c.key()
    person = c.link(PersonRow)
    unit = c.maybe_link(UnitRow)  #: none: all that the person sees
    every = c.text()
    minute = c.number()  #: of the local day
    timezone = c.text()
    since = c.moment()
    told_until = c.moment()
    next_at = c.moment(null=True)  #: empty: switched off
    sent = c.counter()
