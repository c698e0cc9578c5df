"""Analog values are kept for a week, a minute a row, so that a chart can be drawn of them."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T01:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "analog history"


async def forwards():
    return script_migration(ID, DESCRIPTION, "history")
