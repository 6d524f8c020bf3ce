"""Runs the example in the docstring of each public name, in a process of its own, and prints how many ran and failed.

Every distinct audit is done once, for real, and shared by the examples that ask for it.
"""

from __future__ import annotations

import doctest
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import auditor
from auditor.api import run_audit as running

REPOSITORY = Path(__file__).parents[2]


def main() -> None:
    audit, done = running.run_audit, dict[str, Any]()

    def once(asked: Any, *rest: Any) -> Any:
        return done[key] if (key := repr(asked)) in done else done.setdefault(key, audit(asked, *rest))

    running.run_audit = once
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(REPOSITORY / "sample_models", Path(folder, "sample_models"))
        os.chdir(folder)
        finder, runner = (
            doctest.DocTestFinder(recurse=False),
            doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE),
        )
        counts = {}
        for name in ("auditor", *auditor.__all__):
            thing = auditor if name == "auditor" else getattr(auditor, name)
            tests = finder.find(thing, name, module=False, globs={})
            results = [runner.run(test, out=sys.stderr.write) for test in tests]
            counts[name] = [sum(r.attempted for r in results), sum(r.failed for r in results)]
        os.chdir(REPOSITORY)
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
