"""Batches: made from a file as OpenAI's clients do it, watched, cancelled, and read.

routes        the routes
described     the routes as OpenAPI describes them
creating      `POST /v1/batches`
adding        `POST /v1/batches/{id}/jobs`
cancelling    cancels a batch
ours          the routes that OpenAI does not have
progress      how a batch goes on, as server-sent events
shown         what all routes of batches take and answer
openai        a batch as OpenAI's clients know it
window        `completion_window`, such as `24h`

importer      fills batches from uploaded files
file_lines    the lines of such a file
request_line  a line of OpenAI's batch files
checked       the jobs of a file, kept until they are submitted
faults        what is wrong with lines
note          what the gateway notes in such a batch

output        results as lines of JSON
downloads     files with the results
"""

from rerankq_gateway.batches.routes import described, duties, hot, routes

__all__ = ["described", "duties", "hot", "routes"]
