"""Builds the documentation in `docs`, in English and Chinese, with Sphinx and MyST.

place           where the pages are, and their languages
markdown        headings, anchors, code blocks and tables
readme          sections of the README, which pages show
links           links as they must be on a page
diagrams        pictures of Mermaid diagrams
docstrings      what a docstring says
reference       pages that are made of the code
pages           a page as Markdown, with what it takes in
catalogues      the translation into Chinese
titles          titles of pages that are not translated
llms            the pages for programs that read Markdown
chinese_search  words of Chinese text, for the search
extension       what Sphinx calls
conf            Sphinx' configuration

Everything but the last three works on text; Sphinx reads what it gives.
"""
