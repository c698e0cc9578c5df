"""What a verdict held back waits again when that verdict is undone at once."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T07:45:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "undone verdicts let messages go on"


async def forwards():
    return script_migration(ID, DESCRIPTION, "resuming")
