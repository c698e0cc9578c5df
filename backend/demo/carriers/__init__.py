"""In-repo carriers on loopback: one module or package per vendor, each speaking the vendor's wire format.

The rule: a carrier imports no client library of its vendor and nothing of the channel that uses it;
the two meet only on the wire. A carrier is another party and keeps its own clock and its own ids.
"""
