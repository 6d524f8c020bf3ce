"""A candidate beside a baseline: ``Comparison`` -> view -> HTML, PDF, Markdown, JSON, in the report's look.

What goes in: one ``Comparison`` document. What comes out: the bytes of a file. Words and rounded numbers are finished
in ``view``; the templates, the style sheet and the figures are those of the report.
"""
