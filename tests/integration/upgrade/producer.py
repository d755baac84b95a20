"""A producer's program that runs with the client of 0.1 and with this one. It writes JSON.

producer.py submit URL NAME COUNT     prints ids
producer.py results URL               reads ids, prints for each how many documents were ranked
"""

import json
import sys
from typing import Any

from rerankq import RerankClient

DOCUMENTS = ["one", "two", "three"]


def submit(client: RerankClient, name: str, count: str) -> list[str]:
    """Hand in jobs in a stream."""
    drafts = ({"query": f"{name} {n}", "documents": DOCUMENTS} for n in range(int(count)))
    return [handle.id for handle in client.submit_many(drafts)]


def results(client: RerankClient) -> list[int]:
    """Wait for each ranking."""
    return [len(client.get(each).result(timeout=60).results) for each in json.load(sys.stdin)]


def main(what: str, url: str, *arguments: str) -> Any:
    """Do it."""
    with RerankClient(url) as client:
        return submit(client, *arguments) if what == "submit" else results(client)


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
