"""DashScope, according to "文本排序" of Alibaba Cloud Model Studio."""

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.dashscope import Dashscope

DIALECT = Dashscope()
REQUEST = RerankRequest(
    query="什么是文本排序模型",
    documents=(
        "文本排序模型广泛用于搜索引擎和推荐系统中,它们根据文本相关性对候选文本进行排序",
        "量子计算是计算科学的一个前沿领域",
        "预训练语言模型的发展给文本排序模型带来了新的进展",
    ),
    top_n=2,
    instruction="Retrieve semantically similar text.",
)
ANSWER = """{
  "status_code": 200,
  "request_id": "4b0805c0-6b36-490d-8bc1-4365f4c89905",
  "code": "",
  "message": "",
  "output": {"results": [
    {"index": 0, "relevance_score": 0.9334521178273196,
     "document": {"text": "文本排序模型广泛用于搜索引擎和推荐系统中"}},
    {"index": 2, "relevance_score": 0.34100082626411193}
  ]},
  "usage": {"total_tokens": 79}
}"""


def test_request_as_documented() -> None:
    """Query and documents are in input, everything else in parameters."""
    assert orjson.loads(DIALECT.encode(REQUEST, "qwen3-rerank")) == {
        "model": "qwen3-rerank",
        "input": {"query": REQUEST.query, "documents": REQUEST.texts()},
        "parameters": {"top_n": 2, "instruct": "Retrieve semantically similar text."},
    }


def test_answer_as_documented() -> None:
    """The rows are in output.results; the body has the request id."""
    answer = DIALECT.decode(orjson.loads(ANSWER), REQUEST, None)
    assert [(each.index, each.relevance_score) for each in answer.scores] == [
        (0, 0.9334521178273196),
        (2, 0.34100082626411193),
    ]
    assert (answer.prompt_tokens, answer.total_tokens) == (79, 79)
    assert answer.request_id == "4b0805c0-6b36-490d-8bc1-4365f4c89905"
