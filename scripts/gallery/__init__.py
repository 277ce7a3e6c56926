"""Painters of the style pictures in ``server/duostyle/data/gallery``: one module per picture, all drawn from a
fixed seed."""
