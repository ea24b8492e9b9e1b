"""Benchmarks: ratios within one run, never limits. `make bench` runs them; no test looks at a clock."""
