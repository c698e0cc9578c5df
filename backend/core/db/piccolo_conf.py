"""What Piccolo reads at import: the engine (its address comes later, at `open_database`) and the app."""

from piccolo.conf.apps import AppRegistry

from backend.core.db.engine import ENGINE

DB = ENGINE
APP_REGISTRY = AppRegistry(apps=["backend.core.db.piccolo_app"])
