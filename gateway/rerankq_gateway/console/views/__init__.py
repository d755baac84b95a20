"""The pages, each with its acts.

sign_in     signing in and out, and the colours
overview    what holds jobs up, lanes, throughput, newest batches, workers
jobs        all jobs, and the timeline of one
batches     all batches, and the progress of one
dead        dead letters by reason, and replays in steps
upstream    accounts, and open breakers
tenants     what each may use, and uses
webhooks    where they lead, and how they fare
audit       who did what
playground  ranks pasted documents
"""
