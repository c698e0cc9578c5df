"""Photos that were sent at once are handled together."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T07:50:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "albums are heard as one"


async def forwards():
    return script_migration(ID, DESCRIPTION, "albums")
