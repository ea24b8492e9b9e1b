"""This module names the header by which each request of a simulation says what it is. Entra never sends it.

See also: app/observation/simulated.py (which marked requests are believed).
"""

HEADER = "X-Recnice-Simulation"
VALUE = "1"
