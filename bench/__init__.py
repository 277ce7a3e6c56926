"""Benchmarks: each prints ratios or held-out measures from one run, and names the machine."""
