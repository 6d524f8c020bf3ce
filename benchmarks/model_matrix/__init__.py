"""The model matrix: many model files from many exporters, each opened by the product and compared with a reference.

``python -m benchmarks.model_matrix [--only PATTERN] [--write] [--reuse]``

A family is one module with ``cases()``; a case builds one file and its reference (``reference``), ``check`` opens the
file through ``auditor.models.open`` and makes one row, ``runner`` gives each case a process of its own, ``table``
writes ``benchmarks/model_matrix.md``. Files are kept in ``.cache/model_matrix`` (a few GB), so that a second run only
checks.
"""
