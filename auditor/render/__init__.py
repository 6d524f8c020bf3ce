"""From results.json to bytes: ``Results`` -> view (words and rounded numbers) -> HTML, PDF, JSON.

What goes in: one ``Results`` document. What comes out: the bytes of a file. Nothing here opens a model,
imports torch or writes a file; the only files read are the package's own templates and fonts.
"""
