"""The HTTP gateway: jobs, batches and rerank calls for programs in any language.

It stands on `rerankq.client` alone: whatever it does, a Python program can do with the client.
"""
