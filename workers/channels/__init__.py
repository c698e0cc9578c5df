"""Ways to people over the telephone network and to other systems: one folder a vendor."""
