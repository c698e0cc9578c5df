"""Keys, checks and rights of policies, escalations, duty schedules and quiet hours."""

from backend.core.db.scripts import script_migration

ID = "2026-11-25T22:15:07:000000"
VERSION = "1.38.0"
DESCRIPTION = "keys of policies, escalations and duty schedules"


async def forwards():
    return script_migration(ID, DESCRIPTION, "reach")
