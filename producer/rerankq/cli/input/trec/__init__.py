"""TREC: the ranking of an earlier stage is ranked again; a run file, its corpus and its topics.

queries     the input: each query of the run is a job
candidates  what the run, the topics and the corpus say of each query, on disk
run_file    reads the run
topics      reads the texts of queries
corpus      finds the documents in the corpus, and reads single ones
tables      lines of JSON, or of values between tabs
"""
