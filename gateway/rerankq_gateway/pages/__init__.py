"""The description of all routes: `/openapi.json`, and `/docs`, a page that reads it.

openapi  the OpenAPI document
served   serves the document and the page
"""

from rerankq_gateway.pages.openapi import schema
from rerankq_gateway.pages.served import OPEN_PATHS, hot

__all__ = ["OPEN_PATHS", "hot", "schema"]
