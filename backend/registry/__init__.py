"""What is watched: units, buildings, zones, devices, facility systems, components, agreements."""
