"""Work orders (工单): dispatched, accepted, worked on, tested on the wire, verified, closed."""
