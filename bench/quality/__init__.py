"""How near a picture comes to its style and its content, and who gets there first."""
