"""Pages for people: what runs, what waits and why, and what operators do about it.

console   lets people in, finds the page, sends it
routes    all pages and acts, with the scopes of which each needs one
visit     who looks, and which forms are believed
session   the cookies: of a session, of a browser's forms, of its colours
headers   the headers of every answer, the policy among them
answers   what a page's function gives back: a page, another address, a file
views/    the pages

layout    the frame of every page: navigation, and what was just done
markup    HTML from Python, escaped where a text is put in
elements  tables, badges, bars, forms and their fields
charts    lines over time
words     numbers, times and ids as people read them
assets/   style, script and icon
pulse     throughput and latency of the last minutes
"""

from rerankq_gateway.console.console import mounted

__all__ = ["mounted"]
