"""On duty (值班): handing a shift over, the duty log, and duty checks."""
