"""Several people who are named in a complaint about a person."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T09:05:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "people named in a complaint"


async def forwards():
    return script_migration(ID, DESCRIPTION, "named")
