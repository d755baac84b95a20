"""Whether limits are used in full and kept: a simulation and a benchmark."""
