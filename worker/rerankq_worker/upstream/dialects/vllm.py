"""A model served by vLLM.

Source: vLLM, "Re-rank API" and `RerankRequest`: POST /rerank, /v1/rerank or /v2/rerank with
model, query, documents, top_n (0, when left out, is all), truncate_prompt_tokens; answer id,
model, usage.total_tokens, results[{index, document, relevance_score}]. By default nothing is cut
off: a text over the model's context gets a 400, and the job fails with that reason.
"""

from rerankq_worker.upstream.dialects.dialect import Dialect


class Vllm(Dialect):
    """The dialect of a vLLM server that users run themselves; its `--api-key`, if any, is the key.

    Its option `truncate_prompt_tokens` sets where query and document together are cut off; -1 is
    the model's own limit.
    """

    vendor = "vLLM"
    is_own_server = True
    known_options = {"truncate_prompt_tokens": (-1,)}  # noqa: RUF012  see `Dialect`
