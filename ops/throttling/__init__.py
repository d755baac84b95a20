"""How well the upstream is used to its limit, and not over it: a simulation and a benchmark."""
