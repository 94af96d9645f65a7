"""The durable process: what happens in a round, in order, whatever falls over meanwhile."""
