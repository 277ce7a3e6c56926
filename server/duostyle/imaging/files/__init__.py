"""Picture files: which format they are, and how each is opened, read and reduced."""
