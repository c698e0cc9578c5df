"""All tables, so that Piccolo's migrations see them. The ledger's are raw SQL: Piccolo knows no partitions."""

import importlib
import inspect
from pathlib import Path
from typing import Final

from piccolo.conf.apps import AppConfig
from piccolo.table import Table

_ROOMS: Final = (
    "backend.people.tables",
    "backend.registry.tables",
    "backend.rota.tables",
    "backend.evidence.tables",
    "backend.delivery.tables",
    "backend.chat.tables",
    "backend.monitoring.tables",
    "backend.alarms.tables",
    "backend.alarms.masks.tables",
    "backend.alarms.digests.tables",
    "backend.work_orders.tables",
    "backend.complaints.tables",
    "backend.duty.tables",
)


def _tables() -> list[type[Table]]:
    """Tables of every room, found by name: core may not import higher rooms (house.md §1)."""
    found: list[type[Table]] = []
    for room in _ROOMS:
        module = importlib.import_module(room)
        found += [
            each
            for _, each in inspect.getmembers(module, inspect.isclass)
            if issubclass(each, Table) and each.__module__ == room
        ]
    return found


APP_CONFIG = AppConfig(
    app_name="fenghuo",
    migrations_folder_path=str(Path(__file__).parent / "piccolo_migrations"),
    table_classes=_tables(),
)
