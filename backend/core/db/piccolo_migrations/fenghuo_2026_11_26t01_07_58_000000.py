"""Evidence stays as it came; what nobody took up may be let go."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T01:07:58:000000"
VERSION = "1.38.0"
DESCRIPTION = "evidence stays as it came"


async def forwards():
    return script_migration(ID, DESCRIPTION, "evidence")
