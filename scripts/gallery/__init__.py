"""Painters of the style pictures in ``server/data/gallery``: one module per picture, all drawn from a fixed seed."""
