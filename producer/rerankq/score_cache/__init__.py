"""Scores of pairs of query and document, kept in Redis so that a pair is not paid for twice.

cache         finds, keeps and forgets scores
stored_score  how a score is stored, and how a damaged one is told
scripts       the Lua scripts as typed functions
lua/          their texts

Nothing here holds a query or a document: a pair is named by a hash. No other part of rerankq
depends on these keys. When they are lost or damaged, calls are made as if there were no cache.
"""
