"""LangChain's compressor for Voyage: documents come back in order, with their metadata."""

from langchain_core.documents import Document
from langchain_voyageai import VoyageAIRerank

from acceptance.clients.programs.tasks import Ranked, Task, each_task


def ranked(task: Task) -> Ranked:
    """One call."""
    compressor = VoyageAIRerank(
        base_url=task["url"] + "/v1", api_key=task["key"], model=task["model"], top_k=task["top_n"]
    )
    given = [Document(each, metadata={"at": at}) for at, each in enumerate(task["documents"])]
    found = compressor.compress_documents(given, task["query"])
    return [(each.metadata["at"], each.metadata["relevance_score"]) for each in found]


each_task(ranked)
