"""Keys, indexes, the ledger with its partitions and triggers, and the service's role: what Piccolo can't say."""

from backend.core.db.scripts import script_migration

ID = "2026-11-22T23:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "keys, ledger, service role"


async def forwards():
    return script_migration(ID, DESCRIPTION, "0001")
