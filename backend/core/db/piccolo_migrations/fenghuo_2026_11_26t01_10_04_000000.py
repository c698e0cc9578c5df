"""Work orders move by their table only; one live order an alarm; windows over a component."""

from backend.core.db.scripts import script_migration

ID = "2026-11-26T01:10:04:000000"
VERSION = "1.38.0"
DESCRIPTION = "work orders move by their table"


async def forwards():
    return script_migration(ID, DESCRIPTION, "work_orders")
