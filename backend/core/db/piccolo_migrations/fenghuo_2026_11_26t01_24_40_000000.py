"""One open dialogue for each person and conversation."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T01:24:40:000000"
VERSION = "1.38.0"
DESCRIPTION = "one open dialogue each"


async def forwards():
    return script_migration(ID, DESCRIPTION, "chat")
