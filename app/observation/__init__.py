"""This package reads and writes what clients did: requests, cycles, problems, attributes."""
