"""Verify an exported Fenghuo ledger with Python's standard library alone: python verify_ledger.py ledger.jsonl [head].

Each line is one row. digest = SHA-256 over the fields id, kind, address, peer, gateway, octets, facts and
received_at, each preceded by its length in 8 octets, big-endian; chain = SHA-256(chain before || digest), starting
from 32 zero octets. Exit 0: every row is as it was written. Exit 1: the first bad row is named.
"""

import hashlib
import json
import sys

FIELDS = ("id", "kind", "address", "peer", "gateway", "octets", "facts", "received_at")


def fault_of(row, expected, chain):
    """Why this row is bad, or an empty string."""
    if row["seq"] != expected:
        return f"row {expected} is missing or doubled"
    sha = hashlib.sha256()
    for name in FIELDS:
        octets = bytes.fromhex(row[name]) if name == "octets" else row[name].encode()
        sha.update(len(octets).to_bytes(8, "big") + octets)
    if sha.hexdigest() != row["digest"]:
        return "the row's content does not fit its digest"
    if hashlib.sha256(chain + sha.digest()).hexdigest() != row["chain"]:
        return "the row does not follow the one before it"
    return ""


def main(path, head=None):
    """Walk the file; answers the exit code."""
    expected, chain = 1, bytes(32)
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                fault = fault_of(row, expected, chain)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                print(f"line {number}: not a ledger row ({error})")
                return 1
            if fault:
                print(f"row {row['seq']}: {fault}")
                return 1
            expected, chain = row["seq"] + 1, bytes.fromhex(row["chain"])
    if head is not None and chain.hex() != head:
        print(f"the last row's chain is {chain.hex()}, not {head}: rows are missing at the end")
        return 1
    print(f"{expected - 1} rows are as they were written; head {chain.hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (2, 3) else print(__doc__) or 2)
