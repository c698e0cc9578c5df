"""A process's beat says what it can't use."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T01:35:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "beats say what a process can not use"


async def forwards():
    return script_migration(ID, DESCRIPTION, "ails")
