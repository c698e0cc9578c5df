"""What may be taken back moves back, and nothing else."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T01:32:22:000000"
VERSION = "1.38.0"
DESCRIPTION = "answers taken back"


async def forwards():
    return script_migration(ID, DESCRIPTION, "undo")
