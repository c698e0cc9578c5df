"""Rounds of complaints that are open or late, by an index."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T08:30:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "indexes of late rounds"


async def forwards():
    return script_migration(ID, DESCRIPTION, "late_rounds")
