"""The files of an audit: each appears whole or not at all, and results.json can be read back."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from auditor.bounded_file import LARGEST_RESULTS, LARGEST_SMALL, plain_utf8, read_bounded
from auditor.documents.agreement import check_agreement
from auditor.documents.older_results import OLDER, upgraded
from auditor.documents.results import SCHEMA_VERSION, Results, RunFacts, from_json
from auditor.errors import AuditIncomplete, InputRefused

RESULTS, RUN = "results.json", "run.json"


def prepare_folder(folder: Path) -> None:
    """Make the folder and prove that a file can be written to it, before hours of work depend on it.

    Raises:
        AuditIncomplete: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as err:
        raise AuditIncomplete(
            f"expected a folder to write to; found {folder}: {err.strerror}; name another with --out"
        ) from err


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at every moment either the old or the new one stands there, never a part.

    Raises:
        AuditIncomplete: the file could not be written; nothing is left behind.
    """
    # Not tempfile.mkstemp: its files are for their owner alone, and a report is there to be read by others.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException as err:
        with suppress(OSError, ValueError):  # of a name that no file can have
            temporary.unlink(missing_ok=True)
        if isinstance(err, (OSError, ValueError)):
            why = getattr(err, "strerror", None) or str(err)
            raise AuditIncomplete(f"expected to write {path}; found: {why}; free space or check rights") from err
        raise


def read_results(path: Path) -> Results:
    """Read results.json of this schema version or of 2.0.

    Raises:
        InputRefused: there is no such file, it is not such a document, or it contradicts itself. Where it is one of
            another version, the command that renews it is named.
    """
    text = _read(path, "results.json of an audit")
    try:
        results = from_json(text)
    except ValidationError as err:
        results = _older(text, path, err)
    check_agreement(results, str(path))
    return results


def read_run(path: Path) -> RunFacts | None:
    """Read run.json; None when there is none or it is not one, since nothing depends on it but a date."""
    try:
        run = RunFacts.model_validate_json(plain_utf8(read_bounded(path, LARGEST_SMALL)))
        datetime.fromisoformat(run.started)
    except (OSError, ValueError):  # ValidationError is one
        return None
    return run


def _older(text: bytes, path: Path, refused: ValidationError) -> Results:
    """The results in a text that was refused as one of this version, if it is one of the version before."""
    expected = f"results.json, schema version {SCHEMA_VERSION}"
    first = refused.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    found, action = f"{path}, where {where or 'the text'}: {first['msg']}", "give the file that an audit wrote"
    try:
        document = json.loads(text)
        version, settings = document["schema_version"], document.get("settings")
        if isinstance(version, str) and version != SCHEMA_VERSION:
            found, action = f"{path} of schema version {version}", "audit again with this version"
            if isinstance(settings, dict) and isinstance(command := settings.get("command"), str) and command:
                action += f": {command}"
        if version == OLDER:
            return from_json(json.dumps(upgraded(document)))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # ValidationError is one
        pass
    raise InputRefused(expected, found, action) from refused


def _read(path: Path, expected: str) -> bytes:
    try:
        return plain_utf8(read_bounded(path, LARGEST_RESULTS))
    except OSError as err:
        raise InputRefused(expected, f"{path}: {err.strerror}", "check the path") from err
    except UnicodeDecodeError as err:
        found = f"{path}: text that is not {err.encoding.upper()}"
        raise InputRefused(expected, found, "give the file that an audit wrote") from err


def _sync_folder(folder: Path) -> None:
    # The new name is durable only once the folder is; Windows has no such call and needs none.
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
