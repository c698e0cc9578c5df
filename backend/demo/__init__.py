"""The demo: a sample unit, the street page, and carriers on loopback that speak the vendors' wire formats.

The rule: nothing in here is a shortcut. The platform talks to these carriers as it talks to the real
ones, so what the demo shows and what the tests prove is the real code path.
"""
