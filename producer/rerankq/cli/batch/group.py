"""`rerankq batch`: look at batches, and pause, resume, cancel or retry them."""

from rerankq.cli import options
from rerankq.cli.batch import control, listing, retry, run, status, watch

app = options.group("batch", "Watch batches; pause, resume, cancel or retry them.")

app.command("list")(listing.listing)
app.command("status")(status.status)
app.command("watch")(watch.watch)
app.command("pause")(control.pause)
app.command("resume")(control.resume)
app.command("cancel")(control.cancel)
app.command("budget")(control.budget)
app.command("results")(run.results)
app.command("retry")(retry.retry)
