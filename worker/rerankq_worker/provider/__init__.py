"""The rerank endpoint behind `upstream.Provider`: HTTP, with foreign errors mapped here.

A transport of our own makes the calls: with httpx's transport a call costs more CPU than all the
rest of a job (docs/performance.md). From httpx it takes URLs and the error classes that tell a
connection that could not be made from one that broke.

http               one call: writes the request, reads the answer, maps errors
transport          carries requests to one endpoint
connection         one HTTP/1.1 connection
idle_connections   connections that no call uses, and when each may be used again
tolerant           reads answers that break the rules of HTTP
tunnel             a tunnel through a proxy
proxies            which proxy the environment names
trust              which CA certificates are trusted
environment        checks these variables when a worker starts

answer_json        reads the JSON of an answer
content_encoding   decompresses an answer, within bounds
connection_errors  the error of a call that got no answer
error_answers      the error that an answer means: a 429 becomes `Throttled`
taxonomy           the table of these errors
error_body         reads the body of an error answer
waits              how long the upstream asks to wait
words              which part of a vendor's message may decide, and that none is shown
redirects          what users are told about a redirect
"""

from rerankq_worker.provider.http import HttpProvider

__all__ = ["HttpProvider"]
