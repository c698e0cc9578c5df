"""Carriers' receipts are found by the carrier's id, kept once, and wait when they come early."""

from backend.core.db.scripts import script_migration

ID = "2026-11-25T22:31:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "words of carriers"


async def forwards():
    return script_migration(ID, DESCRIPTION, "china")
