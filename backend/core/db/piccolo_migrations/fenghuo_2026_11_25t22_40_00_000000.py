"""What carriers' limits have left is written many times a second, in place."""

from backend.core.db.scripts import script_migration

ID = "2026-11-25T22:40:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "spendings in place, failures counted"


async def forwards():
    return script_migration(ID, DESCRIPTION, "failing")
