"""Edge: the clock and the doorbell. Two arq lanes and a sweeper carry attempts to channels."""
