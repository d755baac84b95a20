"""A model served by vLLM.

Source: vLLM, "Re-rank API" and `RerankRequest`: POST /rerank, /v1/rerank or /v2/rerank with
model, query, documents, top_n (0, when left out, is all), truncate_prompt_tokens; answer id,
model, usage.total_tokens, results[{index, document, relevance_score}]. Nothing is cut off unless
that was asked for: what is over the model's context is answered with 400, and the job says so.
"""

from rerankq_worker.upstream.dialects.dialect import Dialect


class Vllm(Dialect):
    """The dialect of a server of one's own; its key, if any, is what `--api-key` says.

    Its option `truncate_prompt_tokens` says where query and document together are cut off; -1 is
    the model's own limit.
    """

    vendor = "vLLM"
    is_own_server = True
    known_options = {"truncate_prompt_tokens": (-1,)}  # noqa: RUF012  see `Dialect`
