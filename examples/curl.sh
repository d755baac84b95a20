#!/bin/sh
# Calls the gateway with curl: sh curl.sh http://127.0.0.1:8080 [token]
set -eu
gateway=$1
token=${2:-any}

call() {
    curl --silent --show-error --fail-with-body -H "Authorization: Bearer $token" "$@"
    echo
}

# One call that waits for its ranking, as existing rerank clients send it.
call "$gateway/v1/rerank" -d '{
    "query": "how to prevent a cold",
    "documents": ["Red wine goes with cheese.", "Washing hands helps to prevent a cold."],
    "top_n": 1
}'

# A job that is asked for later. A repeat with the same key gives the same job.
job=$(call "$gateway/v1/jobs" -H "Idempotency-Key: curl-example-$$" -d '{
    "query": "wine with cheese",
    "documents": ["Red wine goes with cheese.", "Washing hands helps to prevent a cold."]
}' | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
call "$gateway/v1/jobs/$job?wait=30"

# Many jobs in one upload, a job a line; then their rankings, a row a line.
batch=$(printf '%s\n' \
    '{"custom_id": "a", "query": "cats", "documents": ["a dog", "a cat"]}' \
    '{"custom_id": "b", "query": "dogs", "documents": ["a dog", "a cat"]}' \
    | call "$gateway/v1/jobs:batch" -H 'Content-Type: application/x-ndjson' --data-binary @- \
    | sed -n 's/.*"batch": *"\([^"]*\)".*/\1/p')
call "$gateway/v1/batches/$batch/results?wait=true"
