"""Builds the documentation in `docs`, in English and Chinese, with Sphinx and MyST.

place         where the pages are, and their languages
readme        sections of the README, which pages show
pages         a page as Markdown, with what it includes
links         links as they must be on a page
diagrams      pictures of Mermaid diagrams
catalogues    the translation into Chinese
docstrings    what a docstring says
tables        tables in Markdown
reference     pages that are made of the code
llms          the pages for programs that read Markdown
extension     what Sphinx calls
conf          Sphinx' configuration

Everything but the last two works on text; Sphinx reads what it gives.
"""
