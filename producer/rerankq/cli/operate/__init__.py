"""Commands for operators: dead letters, the upstream, Flower, JSON Schemas.

dead           `rerankq dead`
dead_choice    the options that choose failed jobs
upstream       `rerankq upstream`
tokens         `rerankq token`
tenants        `rerankq tenant`
webhooks       `rerankq webhook`
audit          `rerankq audit`
usage          `rerankq usage`
usage_files    writes a report of usage for other programs
doctor         `rerankq doctor`
schema         `rerankq schema`
flower         `rerankq flower`, which consists of the next five
flower_server  runs Flower with rerankq's settings
flower_guard   demands a password for every path
flower_ledger  keeps what Flower shows true to the ledger
flower_pages   pages and calls of Flower that are rerankq's own
flower_folder  where Flower keeps what it has seen
monitor        the Celery app that watches workers
"""
