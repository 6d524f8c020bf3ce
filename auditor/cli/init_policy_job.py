"""``init-policy``: a first policy from an accepted audit."""

from __future__ import annotations

import os
from pathlib import Path

from auditor.cli.terminal import say
from auditor.documents.files import prepare_folder, read_results, write_whole
from auditor.errors import InputRefused, UsageError


def write_first_policy(path: Path, out: Path, *, force: bool, quiet: bool) -> None:
    """Write a policy that the results pass.

    Raises:
        UsageError: there is a file already.
        AuditError: the results cannot be read or make no policy, or the file cannot be written.
    """
    from auditor.policy.decide import decide
    from auditor.policy.document import parse_policy
    from auditor.policy.initial import first_policy
    from auditor.policy.waivers import FAILING

    if os.path.lexists(out) and not force:
        raise UsageError(f"expected no file at {out}; found one; name another with --out, or overwrite it with --force")
    results = read_results(path)
    text = first_policy(results)
    policy = parse_policy(text, str(out))
    gate = decide(results, policy)
    if gate.status != "passed":
        failed = next(rule for rule in gate.rules if rule.status in FAILING)
        raise InputRefused(
            "results that pass the policy made from them", f"{failed.id}: {failed.message}", "audit again and use that"
        )
    prepare_folder(out.parent)
    write_whole(out, text.encode())
    if not quiet:
        say(f"wrote {out}, {len(policy.rules)} rules; read it, then: deepdig-audit MODEL --data DATA --policy {out}")
