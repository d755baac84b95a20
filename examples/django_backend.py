"""A Django site in one file: finds documents, and lets rerankq put the best first.

Run it: gunicorn --preload --workers 2 django_backend:application
"""

import secrets

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from rerankq import RerankClient, errors

settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY=secrets.token_urlsafe(32)
)

SHELF = [
    "Red wine goes with cheese.",
    "Washing hands helps to prevent a cold.",
    "Cold water gets a coffee stain out of a shirt.",
]
PATIENCE_SECONDS = 10.0

# gunicorn imports this file before it forks (--preload). A client opens its connections when it is
# first used, and new ones after a fork, so one client serves all threads of each process.
client = RerankClient()


def search(request: HttpRequest) -> JsonResponse:
    """The hits, the best first; in the order in which they were found when no ranking comes."""
    try:
        ranking = client.rerank(
            query=request.GET["q"],
            documents=SHELF,
            timeout=PATIENCE_SECONDS,
            # Nobody reads it any more afterwards: then the call need not be paid for.
            deadline_seconds=PATIENCE_SECONDS,
        )
    except errors.RerankqError:
        return JsonResponse({"hits": SHELF})
    return JsonResponse({"hits": [SHELF[each.index] for each in ranking.results]})


urlpatterns = [path("search", search)]
application = get_wsgi_application()
