"""LlamaIndex's postprocessor for Jina, which speaks HTTP by itself."""

from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.jinaai_rerank import JinaRerank

from acceptance.clients.programs.tasks import Ranked, Task, each_task


def ranked(task: Task) -> Ranked:
    """One call."""
    postprocessor = JinaRerank(
        base_url=task["url"] + "/v1",
        api_key=task["key"],
        model=task["model"],
        top_n=task["top_n"],
    )
    given = [
        NodeWithScore(node=TextNode(id_=str(at), text=each))
        for at, each in enumerate(task["documents"])
    ]
    found = postprocessor.postprocess_nodes(given, query_str=task["query"])
    return [(int(each.node.node_id), each.score) for each in found]


each_task(ranked)
