"""Indexes of storms, outages and patrols, and of the list that the duty desk reads in a storm."""

from backend.core.db.scripts import script_migration

ID = "2026-11-25T22:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "indexes of storms, outages, patrols and of open alarms by urgency"


async def forwards():
    return script_migration(ID, DESCRIPTION, "storms")
