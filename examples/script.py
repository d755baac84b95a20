"""Ranks many lists as one batch, and prints the best of each as soon as it is there."""

from rerankq import RerankClient, errors

QUESTIONS = {
    "cold": "how to prevent a cold",
    "coffee": "how to get a coffee stain out of a shirt",
    "wine": "which wine goes with cheese",
}
ANSWERS = [
    "Washing hands helps to prevent a cold.",
    "Cold water gets a coffee stain out of a shirt.",
    "Red wine goes with cheese.",
]


def main() -> None:
    """Submit the questions as a batch, and read its rankings in the order in which they come."""
    with RerankClient() as client:
        # The end of this block seals the batch. Its jobs go on if this program ends here:
        # `rerankq batch list` shows it, and `client.batch(id)` reads it later.
        with client.batch(metadata={"made by": "script.py"}) as batch:
            for name, question in QUESTIONS.items():
                batch.add(query=question, documents=ANSWERS, top_n=1, custom_id=name)
        for each in batch.results(timeout=60):
            try:
                best = each.result().results[0]
            except errors.JobEnded as end:
                print(f"{each.custom_id}: no ranking: {end}")
            else:
                print(f"{each.custom_id}: {ANSWERS[best.index]} ({best.relevance_score:.3f})")


if __name__ == "__main__":
    main()
