"""What a caller is told when a request cannot be served: one body that all clients read.

table      which status each error has
problem    the one error body
described  errors as OpenAPI describes them
"""

from rerankq_gateway.errors.problem import GatewayError, Problem
from rerankq_gateway.errors.table import problem_of

__all__ = ["GatewayError", "Problem", "problem_of"]
