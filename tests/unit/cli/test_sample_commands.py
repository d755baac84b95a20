import asyncio
import json
import shlex

from rerankq.cli.stack.serving import SAMPLE_DOCUMENTS, SAMPLE_QUERY, sample_call, sample_submission
from rerankq_sandbox.bigram import BigramScorer


def test_the_sandbox_ranks_the_sample_as_a_person_would() -> None:
    """What `up` and `demo` propose to try gives the right document first, also by characters."""
    wrong, right = asyncio.run(BigramScorer().score(SAMPLE_QUERY, SAMPLE_DOCUMENTS))
    assert right > 2 * wrong


def test_the_sample_commands_are_whole_commands() -> None:
    """A shell splits each into the words that are meant."""
    *words, option, body = shlex.split(sample_call("http://host", "a-token"))
    assert words == ["curl", "http://host/v1/rerank", "-H", "Authorization: Bearer a-token"]
    assert option == "-d"
    assert json.loads(body) == {"query": SAMPLE_QUERY, "documents": list(SAMPLE_DOCUMENTS)}
    words = shlex.split(sample_submission())
    assert words[:5] == ["rerankq", "submit", "--wait", "-q", SAMPLE_QUERY]
    assert words[5:] == [word for each in SAMPLE_DOCUMENTS for word in ("-d", each)]
