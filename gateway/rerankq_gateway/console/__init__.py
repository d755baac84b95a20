"""Pages for people: what runs, what waits and why, and what operators do about it.

markup    HTML from Python, escaped where a text is put in
visit     who looks, and which forms are believed
console   lets people in, finds the page, sends it
routes    all pages and acts, with the scope that each needs
views     the pages
"""

from rerankq_gateway.console.console import mounted

__all__ = ["mounted"]
