"""What crosses between the machine of the command and a node: an order with a task, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pydantic import Field

from auditor.documents.messages import Failure, Outcome
from auditor.documents.plan import Plan
from auditor.documents.results import Document
from auditor.documents.tasks import Task
from auditor.worker.machine import usable_cores

_THREADS = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "VECLIB_")
"""Beginnings of the variables that say how many threads compute, on which the last digit of a sum depends."""


class Parcel(Document):
    """A file that goes along: what for, its name beside the first of that purpose, SHA-256 of its content."""

    purpose: str
    name: str
    sha256: str


class Terms(Document):
    """What all orders of an audit have in common.

    Args:
        audit: its name, of letters and digits.
        plan: with the places on the machine where the command was given.
        parcels: files of it that go along, and what the first worker shares.
        versions: on that machine; the node's have to be the same.
        variables: of that machine's environment, those that say how many threads compute.
        cores: of that machine.
        threads: with which a worker computes there.
        not_imported: folders of that machine from which nothing is imported, such as the working folder.
    """

    audit: str = Field(pattern="^[a-z0-9]+$")
    plan: Plan
    parcels: list[Parcel]
    versions: dict[str, str]
    variables: dict[str, str]
    cores: int
    threads: int = Field(ge=1)
    not_imported: list[str]


class Order(Document):
    """A task for a node."""

    terms: Terms
    task: Task


class Died(Document):
    """How a worker has died; the fields of ``auditor.worker.process.Death``."""

    expected: str = "finish"
    found: str
    action: str = "run it again"
    for_memory: bool = False
    for_good: bool = False


class Answer(Document):
    """What came of an order: how the task ended, or how its worker did, or why no node like this one can do any.

    ``files`` are boundary instances to be saved, in base 64, by name.
    """

    outcome: Outcome | None = None
    died: Died | None = None
    refused: Failure | None = None
    files: dict[str, str] = Field(default_factory=dict)


def threads_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that say how many threads compute."""
    return {name: value for name, value in environment.items() if name.startswith(_THREADS)}


def take_over(terms: Terms) -> None:
    """Compute with as many threads as there: Ray sets one for each of its workers, and cores may be more or fewer."""
    for name in threads_of(os.environ):
        del os.environ[name]
    os.environ.update(terms.variables)
    if usable_cores() != terms.cores:
        os.environ["OMP_NUM_THREADS"] = str(terms.threads)


class Join(Document):
    """To the process that is a member of the cluster: become one.

    Args:
        address: of the cluster; empty for one of this machine alone.
        versions: that every node has to have.
    """

    address: str
    versions: dict[str, str]


class Joined(Document):
    """From it: there are so many processors."""

    places: int = Field(ge=0)


class Load(Document):
    """To it: what orders need from now on.

    Args:
        terms: of all orders.
        files: where the parcels lie, in their order.
        memory: bytes of a task.
        instances: folder on this machine for boundary instances that are to be saved.
    """

    terms: Terms
    files: list[str]
    memory: int = Field(ge=1)
    instances: str | None = None
