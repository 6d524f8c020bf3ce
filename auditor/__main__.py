"""``deepdig-audit``, also as ``python -m auditor``: the commands, with their import under the same protection."""

from __future__ import annotations

import os
import sys


def start() -> int:
    """Run the command and return the exit code; an interrupt while its modules are imported is one like any other."""
    try:
        from auditor.standard_streams import protect

        protect()
        try:
            os.getcwd()
        except OSError as err:
            found = f"{err.strerror}; change to one that exists"
            print(f"deepdig-audit: error: expected a working folder; found: {found}", file=sys.stderr)
            return 4
        from auditor.cli import main

        return main()
    except KeyboardInterrupt:
        print("deepdig-audit: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(start())
