"""Complaints: their states move forward only, what was filed stays, the story and the breaches are append-only."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T01:09:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "indexes, checks and triggers of complaints"


async def forwards():
    return script_migration(ID, DESCRIPTION, "complaints")
