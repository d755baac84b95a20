"""The HTTP gateway: jobs, batches and rerank calls for programs in any language.

It stands on `rerankq.client` alone: whatever it does, a Python program can do with the client.

command      `rerankq gateway`
settings     its settings
server       starts uvicorn, with one process or several
app          the composition root: puts all parts together
parts        what each package of routes gets, and has to have
connection   one connection, with bounds for header and time
asgi/        the way of a request: body, dispatch, request id
access/      who calls, and what the caller may do
errors/      what a caller is told when a request cannot be served

jobs/        `/v1/jobs`
batches/     `/v1/batches`: ours and OpenAI's
files/       `/v1/files`: OpenAI's
rerank/      rerank calls in the forms of Cohere, Jina, Voyage, TEI and vLLM
webhooks/    `/v1/webhooks`, and the calls themselves
audit/       `/v1/audit`
usage/       `/v1/usage`
health/      `/live` and `/ready`
pages/       `/openapi.json` and `/docs`
console/     `/console`: pages for people
lines/       many jobs in one body, line by line

places       at most so many of something at the same time
waiters      at most so many requests that wait for a job
duties       work beside requests
shutdown     from SIGTERM to the end of the process
metrics      metrics for Prometheus
process_log  the log
doctor/      what is added to `rerankq doctor`
"""
