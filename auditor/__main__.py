"""``deepdig-audit``, also as ``python -m auditor``: the commands, with their import under the same protection."""

from __future__ import annotations

import sys


def start() -> int:
    """Run the command and return the exit code; an interrupt while its modules are imported is one like any other."""
    try:
        from auditor.cli import main

        return main()
    except KeyboardInterrupt:
        print("deepdig-audit: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(start())
