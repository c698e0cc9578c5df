"""What telephone carriers have in common: telephones that ring, caps for each number, faults, callbacks, serving."""
