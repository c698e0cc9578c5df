"""Cards go into inboxes by one call."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T01:15:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "cards go into inboxes by one call"


async def forwards():
    return script_migration(ID, DESCRIPTION, "inbox")
