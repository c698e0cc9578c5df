"""Masks and windows: what is in force is found at a look; their states move forward only; fire needs two people."""

from backend.core.db.scripts import script_migration

ID = "2026-11-25T22:10:53:700000"
VERSION = "1.38.0"
DESCRIPTION = "indexes, checks and triggers of masks"


async def forwards():
    return script_migration(ID, DESCRIPTION, "masks")
