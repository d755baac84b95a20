"""Names of attributes: OpenTelemetry's own where it has one, else `rerankq.…`.

Its names for calls of models are in development, and have moved to a repository of their own. They
know no reranking yet (semantic-conventions-genai, issue 253, proposes the operation `rerank`); for
an operation that they do not know, they allow a name of one's own. The names are written here, and
not taken from a library, because those in `opentelemetry.semconv` are called deprecated.
"""

from typing import Final

OPERATION: Final = "gen_ai.operation.name"
RERANK: Final = "rerank"
PROVIDER: Final = "gen_ai.provider.name"
MODEL: Final = "gen_ai.request.model"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
RESPONSE_ID: Final = "gen_ai.response.id"

HTTP_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_STATUS: Final = "http.response.status_code"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"

MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_OPERATION: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION: Final = "messaging.destination.name"
MESSAGE_ID: Final = "messaging.message.id"

JOB_ID: Final = "rerankq.job.id"
BATCH_ID: Final = "rerankq.batch.id"
TENANT: Final = "rerankq.tenant"
REQUEST_ID: Final = "rerankq.request.id"
ATTEMPT: Final = "rerankq.attempt"
OUTCOME: Final = "rerankq.outcome"
DELAY: Final = "rerankq.retry.delay_seconds"
SITE: Final = "rerankq.site"
ACCOUNT: Final = "rerankq.account"
KEY_ID: Final = "rerankq.key.id"
CAUSE: Final = "rerankq.cause"
ESTIMATED_TOKENS: Final = "rerankq.estimated_tokens"
EVENT_ID: Final = "rerankq.event.id"
EVENT_TYPE: Final = "rerankq.event.type"
TRIES: Final = "rerankq.tries"
