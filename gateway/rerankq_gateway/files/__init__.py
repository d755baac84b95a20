"""Files: uploaded for batches, listed, downloaded and deleted, as OpenAI's clients do it.

routes     the routes
described  the routes as OpenAPI describes them
uploading  `POST /v1/files`
multipart  reads multipart forms in bounded memory
ranges     parts of a download
shown      files as OpenAI's clients know them
store      the interface of where the bytes are
directory  a folder, which several gateways may share
"""

from rerankq_gateway.files.routes import described, duties, hot, routes, store_of

__all__ = ["described", "duties", "hot", "routes", "store_of"]
