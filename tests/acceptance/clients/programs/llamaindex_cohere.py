"""LlamaIndex's postprocessor for Cohere."""

from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank

from acceptance.clients.programs.tasks import Ranked, Task, each_task


def ranked(task: Task) -> Ranked:
    """One call."""
    postprocessor = CohereRerank(
        base_url=task["url"],
        api_key=task["key"],
        model=task["model"],
        top_n=task["top_n"],
        max_retries=1,
    )
    given = [
        NodeWithScore(node=TextNode(id_=str(at), text=each))
        for at, each in enumerate(task["documents"])
    ]
    found = postprocessor.postprocess_nodes(given, query_str=task["query"])
    return [(int(each.node.node_id), each.score) for each in found]


each_task(ranked)
