"""What the engine costs: seconds, memory, waiting."""
