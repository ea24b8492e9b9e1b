"""This module names the header by which a request of a simulation identifies itself.

Entra never sends it. See also: app/observation/simulated_requests.py (which marked requests are believed).
"""

HEADER = "X-Recnice-Simulation"
VALUE = "1"
