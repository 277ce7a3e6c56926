"""What the live protocol does under load."""
