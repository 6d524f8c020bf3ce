"""deepdig-audit: where a classifier changes its mind, measured and reported.

The way through the package, left to right::

    path -> models, datasets -> boundary -> characteristics -> results -> render -> files

Left of ``results`` there are tensors, right of it plain numbers. Importing this package loads nothing
heavy; ``python -m auditor`` is the command line.
"""

__version__ = "0.1.0"
