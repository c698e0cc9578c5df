"""Rows of evidence (佐证), octets included: one backup holds a report and its photos, one transaction binds them."""

from piccolo.table import Table

from backend.core.db import columns as c


class EvidenceRow(Table, tablename="evidence"):
    """One piece of evidence. A trigger keeps it as it came, and bound to what it was bound to."""

    id = c.key()
    kind = c.text()
    media_type = c.text()
    name = c.text()
    octets = c.octets()
    size = c.number()
    sha256 = c.text()
    sent_by = c.uid()
    sent_at = c.moment()
    about_kind = c.text(null=True)
    about = c.uid(null=True)
    bound_at = c.moment(null=True)
