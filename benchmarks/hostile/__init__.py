"""The hostile corpus: malformed and hostile model and data files, each with the exit code that is right for it.

``python -m benchmarks.hostile [--only PATTERN] [--mutations 5000] [--seed 0] [--strace] [--command N] [--write]``

A family is one module with ``cases()``; a case builds one file and states its exit code and why. ``mutations`` damages
real small files by a seed. ``forks`` starts a worker by ``fork`` in place of a new interpreter, so that thousands of
files can be tried through the product's own command line, worker, sandbox and limits; ``command`` runs the installed
command. ``verdicts`` judges what came out, ``tracing`` what was opened, ``page`` writes ``benchmarks/hostile.md``.
"""
