# %% [markdown]
# # Ranking in a notebook
# The blocking client works in a notebook, although the notebook itself runs in an event loop.

# %%
from rerankq import RerankClient

client = RerankClient()
documents = ["Red wine goes with cheese.", "Washing hands helps to prevent a cold."]

# %%
ranking = client.rerank(query="how to prevent a cold", documents=documents, timeout=30)
for each in ranking.results:
    print(f"{each.relevance_score:.3f}  {documents[each.index]}")

# %% [markdown]
# A job goes on when the notebook is closed: its id is all that is needed later.

# %%
job = client.submit(query="wine with cheese", documents=documents)
print(client.get(job.id).result(timeout=30).results[0].index)

# %%
client.close()
