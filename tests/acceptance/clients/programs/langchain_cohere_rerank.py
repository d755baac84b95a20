"""LangChain's compressor for Cohere: documents come back in order, with their metadata."""

from langchain_cohere import CohereRerank
from langchain_core.documents import Document

from acceptance.clients.programs.tasks import Ranked, Task, each_task


def ranked(task: Task) -> Ranked:
    """One call."""
    compressor = CohereRerank(
        base_url=task["url"], cohere_api_key=task["key"], model=task["model"], top_n=task["top_n"]
    )
    given = [Document(each, metadata={"at": at}) for at, each in enumerate(task["documents"])]
    found = compressor.compress_documents(given, task["query"])
    return [(each.metadata["at"], each.metadata["relevance_score"]) for each in found]


each_task(ranked)
