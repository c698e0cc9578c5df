"""Export: one JSON object a line, and a verifier beside it that needs only Python's standard library."""

from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from backend.ledger.model import LedgerRow, time_text
from backend.ledger.verify import rows

_encode = msgspec.json.Encoder().encode


def line_of(row: LedgerRow) -> bytes:
    """A row as it stands in an export."""
    document: dict[str, Any] = {
        "seq": row.seq,
        "id": row.id,
        "kind": row.kind,
        "address": row.address,
        "peer": row.peer,
        "gateway": row.gateway,
        "octets": row.octets.hex(),
        "facts": row.facts,
        "received_at": time_text(row.received_at),
        "digest": row.digest.hex(),
        "chain": row.chain.hex(),
    }
    return _encode(document) + b"\n"


def export_folder(folder: Path) -> Path:
    """The folder, made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def export(folder: Path) -> int:
    """Write `ledger.jsonl` and `verify_ledger.py` into `folder`; answers the number of rows."""
    count = 0
    with (export_folder(folder) / "ledger.jsonl").open("wb") as out:
        async for row in rows():
            out.write(line_of(row))
            count += 1
    script = resources.files("backend.ledger").joinpath("verify_ledger.py").read_text(encoding="utf-8")
    (folder / "verify_ledger.py").write_text(script, encoding="utf-8")
    return count
