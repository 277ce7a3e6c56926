"""What benchmarks share: pictures, tables, a client that takes times, the name of the machine."""
