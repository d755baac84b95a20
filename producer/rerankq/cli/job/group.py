"""`rerankq jobs`: look at jobs in any state."""

from rerankq.cli import options
from rerankq.cli.job import listing, timeline

app = options.group("jobs", "List jobs in any state; show what happened to one.")

app.command("list")(listing.listing)
app.command("show")(timeline.show)
