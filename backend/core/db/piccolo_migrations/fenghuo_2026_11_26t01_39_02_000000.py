"""A group chat is bound to one unit at a time."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T01:39:02:000000"
VERSION = "1.38.0"
DESCRIPTION = "groups bound once"


async def forwards():
    return script_migration(ID, DESCRIPTION, "groups")
