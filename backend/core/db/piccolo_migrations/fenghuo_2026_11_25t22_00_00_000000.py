"""Attempts of later steps and rounds beside the first; new tables are the service's to read and write."""

from backend.core.db.scripts import script_migration

ID = "2026-11-25T22:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "keys of attempts, rights in new tables"


async def forwards():
    return script_migration(ID, DESCRIPTION, "0002")
