"""Handovers and duty checks move one way; what was signed stays; a digest is due once."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T01:40:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "duty moves one way"


async def forwards():
    return script_migration(ID, DESCRIPTION, "duty")
