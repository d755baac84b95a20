"""A Celery application of your own: rerankq sends it a task when a ranking is there.

celery -A celery_callback worker -Q shop
python celery_callback.py
"""

import os

from celery import Celery

from rerankq import RerankClient, errors

# rerankq's workers send the tasks of users to their own Redis. For another broker, set
# RERANKQ_CALLBACK_BROKER_URL for these workers.
app = Celery("shop", broker=os.environ.get("RERANKQ_REDIS_URL", "redis://localhost:6379/0"))
client = RerankClient()

ANSWERS = [
    "Washing hands helps to prevent a cold.",
    "Cold water gets a coffee stain out of a shirt.",
    "Red wine goes with cheese.",
]


@app.task(name="shop.ranked", ignore_result=True)
def ranked(job_id: str) -> None:
    """Called with the job's id however the job has ended, at least once: it may come again."""
    try:
        best = client.get(job_id).result(timeout=10).results[0]
    except errors.JobEnded as end:
        print(f"{job_id}: no ranking: {end}", flush=True)
    else:
        print(f"{job_id}: {ANSWERS[best.index]}", flush=True)


def main() -> None:
    """Submit a job, and do not wait for it."""
    job = client.submit(
        query="how to prevent a cold",
        documents=ANSWERS,
        top_n=1,
        # The name of the task, and the queue that its worker serves.
        callbacks=[{"task": "shop.ranked", "queue": "shop"}],
    )
    print(job.id)
    client.close()


if __name__ == "__main__":
    main()
