"""PostgreSQL: the truth. Engine and pool, embedded servers, migrations."""

import os

os.environ.setdefault("PICCOLO_CONF", "backend.core.db.piccolo_conf")
