"""Data that travels with the package: feature weights and gallery pictures."""
