"""How long a test waits for what must come: so long that a busy machine is never taken for a broken promise.

What promises seconds is measured elsewhere: `tests/bench` and the tests marked `alone` name their own limits.
"""

PATIENCE_S = 30.0
