"""rerankq for tests of code that uses it: real jobs, ranked by a function of the test.

>>> from rerankq.testing import FakeRerankq
>>> with FakeRerankq(lambda query, documents: [len(text) for text in documents]) as fake:
...     job = fake.client.submit(query="the longest", documents=["a", "abc", "ab"])
...     [row.index for row in job.result(timeout=30).results]
[1, 2, 0]

The client, the ledger in a Redis of its own, messages, leases, deadlines, batches and results are
real. The worker's HTTP calls and their limits are not: use `rerankq sandbox` to test these. It
needs a Redis on PATH, or the one that `rerankq[embedded]` brings.

`docs/testing.md` shows it in use; `rerankq.testing.pytest` has fixtures.

fake     `FakeRerankq`
pytest   fixtures
scores   what a test lets the upstream answer: scores or failures
worker   a small worker on the real ledger
threads  calls functions that may block
"""

from rerankq.testing.fake import FakeRerankq
from rerankq.testing.scores import Retryable, Scores, shared_words

__all__ = ["FakeRerankq", "Retryable", "Scores", "shared_words"]
