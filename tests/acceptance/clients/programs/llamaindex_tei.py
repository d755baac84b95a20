"""LlamaIndex's postprocessor for TEI, which sends `texts` and no model."""

from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference

from acceptance.clients.programs.tasks import Ranked, Task, each_task


def ranked(task: Task) -> Ranked:
    """One call."""
    postprocessor = TextEmbeddingInference(
        base_url=task["url"], auth_token="Bearer " + task["key"], top_n=task["top_n"]
    )
    given = [
        NodeWithScore(node=TextNode(id_=str(at), text=each))
        for at, each in enumerate(task["documents"])
    ]
    found = postprocessor.postprocess_nodes(given, query_str=task["query"])
    return [(int(each.node.node_id), each.score) for each in found]


each_task(ranked)
