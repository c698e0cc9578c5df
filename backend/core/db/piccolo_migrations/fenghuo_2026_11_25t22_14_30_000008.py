"""Breaches are append-only; which processes are alive; how far the auditor has looked."""

from backend.core.db.scripts import script_migration

ID = "2026-11-25T22:14:30:000008"
VERSION = "1.38.0"
DESCRIPTION = "append-only breaches, beats of processes, marks of the auditor"


async def forwards():
    return script_migration(ID, DESCRIPTION, "auditor")
