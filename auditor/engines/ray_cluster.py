"""A cluster of Ray: orders go out as remote calls, answers come back.

Ray makes a call again whose node was lost. What crosses is bytes and JSON, no pickles of this package, so that a node
with another version of it can say so.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from auditor.engines.orders import Answer, Died, Order, Parcel
from auditor.engines.versions import check_versions
from auditor.errors import AuditIncomplete, InputRefused, UsageError

_INSTALL = "pip install 'deepdig-audit[ray]'"
_TRIES = 5
"""How often a call is made again whose node or process was lost."""
_SECONDS_TO_REACH, _SECONDS_TO_LOOK, _SECONDS_TO_END, _SECONDS_TO_TIDY = 5.0, 120.0, 20.0, 20.0


class RayCluster:
    """The cluster at an address.

    Args:
        address: ``host:port`` of its head, ``auto`` for the one that this machine belongs to; empty for a new one of
            this machine alone.
    Raises:
        UsageError: Ray is not installed, or the address is none.
        AuditIncomplete: there is no such cluster, or it has another version of Python or Ray.
    """

    def __init__(self, address: str) -> None:
        self._ray = _connected(address)
        self._out = dict[Any, int]()
        self._goods = dict[str, Any]()
        self._known = self._alive()

    def check(self, versions: dict[str, str]) -> None:
        """Refuse nodes that would compute with something else.

        Args:
            versions: of this machine.
        Raises:
            InputRefused: there is one.
        """
        for node, reference in self._on_each_node(_remote_versions()):
            try:
                found = self._ray.get(reference, timeout=_SECONDS_TO_LOOK)
            except Exception as err:
                raise _not_usable(node, err) from err
            check_versions(versions, found, node)

    @property
    def places(self) -> int:
        """Processors of all nodes that are there now."""
        return sum(int(node["Resources"].get("CPU", 0)) for node in self._alive().values())

    def load(self, parcels: Iterable[tuple[Parcel, Path]], threads: int, memory: int) -> None:
        """Have files ready that orders name, each sent once to a node, and what a task needs.

        Args:
            threads: processors of a task.
            memory: bytes of a task.
        Raises:
            InputRefused: no node has so many, or so much.
        """
        for parcel, file in parcels:
            if parcel.sha256 not in self._goods:
                self._goods[parcel.sha256] = self._ray.put(file.read_bytes())
        self._call = self._ray.remote(num_cpus=threads, memory=memory, max_retries=_TRIES)(_remote_call())
        has = [node["Resources"] for node in self._alive().values()]
        if not any(node.get("CPU", 0) >= threads and node.get("memory", 0) >= memory for node in has):
            most = max((node.get("memory", 0) for node in has), default=0)
            raise InputRefused(
                f"a node with {threads} processors and {memory / 1e6:,.0f} MB of memory for each task",
                f"none with both, and at most {most / 1e6:,.0f} MB",
                "start Ray with more --memory, or leave --engine out",
            )

    def send(self, number: int, order: Order) -> None:
        """Have an order carried out; its answer comes under the number."""
        goods = [self._goods[parcel.sha256] for parcel in order.terms.parcels]
        # A list, so that a node gets the content of those alone that it lacks.
        self._out[self._call.remote(order.model_dump_json().encode(), goods)] = number

    def ended(self, seconds: float) -> list[tuple[int, Answer]]:
        """Orders that have ended, each with its answer, after so many seconds at most."""
        ready, _ = self._ray.wait([*self._out], num_returns=1, timeout=seconds)
        return [(self._out.pop(reference), self._answer(reference)) for reference in ready]

    def cancel(self, number: int) -> None:
        """Nobody waits for this order any more."""
        for reference in [reference for reference, out in self._out.items() if out == number]:
            with contextlib.suppress(Exception):
                self._ray.cancel(reference)
            del self._out[reference]

    def lost(self) -> list[str]:
        """Addresses of nodes that are gone since this was last asked."""
        before, self._known = self._known, self._alive()
        return [node["NodeManagerAddress"] for name, node in before.items() if name not in self._known]

    def leave(self, audits: Sequence[str]) -> None:
        """Cancel what is out, have every node remove what it keeps of these audits, and leave the cluster."""
        with contextlib.suppress(Exception):
            for reference in self._out:
                self._ray.cancel(reference)
            if self._out:
                self._ray.wait([*self._out], num_returns=len(self._out), timeout=_SECONDS_TO_END)
            tidied = [reference for _, reference in self._on_each_node(_remote_tidying(), audits)]
            self._ray.wait(tidied, num_returns=len(tidied), timeout=_SECONDS_TO_TIDY)
        self._ray.shutdown()

    def _alive(self) -> dict[str, dict[str, Any]]:
        return {node["NodeID"]: node for node in self._ray.nodes() if node["Alive"]}

    def _on_each_node(self, function: Callable[..., Any], *arguments: Any) -> list[tuple[str, Any]]:
        """Call a function on every node, whatever else is at work there; the addresses and what comes back."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        call, made = self._ray.remote(num_cpus=0, max_retries=0)(function), list[tuple[str, Any]]()
        for name, node in self._alive().items():
            there = NodeAffinitySchedulingStrategy(name, soft=False)
            made.append((node["NodeManagerAddress"], call.options(scheduling_strategy=there).remote(*arguments)))
        return made

    def _answer(self, reference: Any) -> Answer:
        try:
            return Answer.model_validate_json(self._ray.get(reference))
        except Exception as err:  # of all kinds: its processes or nodes were lost too often
            return Answer(died=Died(found=f"{type(err).__name__}: {' '.join(str(err).split())[:300]}"))


def _connected(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    try:
        import ray
    except ImportError as err:
        raise UsageError(f"expected Ray for --engine ray; found none; {_INSTALL}, or leave --engine out") from err
    _check_reachable(address)
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR")
    except (Exception, SystemExit) as err:  # of all kinds
        found = " ".join(str(err).split())
        raise AuditIncomplete(
            f"expected to join the Ray cluster {address or 'on this machine'}; found: {found}; correct --engine-address"
        ) from err
    return ray


def _check_reachable(address: str) -> None:
    """Refuse an address at which nothing listens, for which Ray would wait for minutes.

    Raises:
        UsageError: it is no address.
        AuditIncomplete: nothing listens there.
    """
    if address in ("", "auto", "local"):
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        raise UsageError(
            f"expected auto or HOST:PORT of the cluster's head, such as 10.0.0.5:6379; found {address!r};"
            " correct --engine-address"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_REACH).close()
    except (OSError, OverflowError) as err:
        raise AuditIncomplete(
            f"expected a Ray cluster at {address}; found: {err}; start one (ray start --head), or correct"
            " --engine-address"
        ) from err


def _not_usable(node: str, err: Exception) -> InputRefused:
    lacking = "no deepdig-audit" if "ModuleNotFoundError" in str(err) else f"{type(err).__name__}: {err}"
    return InputRefused("deepdig-audit on every node of the cluster", f"{lacking} on {node}", "install it there")


# What nodes are asked to do: functions that Ray sends as a whole, because they stand in no module by a name.


def _remote_call() -> Callable[[bytes, list[Any]], bytes]:
    def carry_out_order(order: bytes, goods: list[Any]) -> bytes:
        import ray

        from auditor.engines.node import carry_out

        return carry_out(order, goods, ray.get, ray.util.get_node_ip_address())

    return carry_out_order


def _remote_versions() -> Callable[[], dict[str, str]]:
    def versions_of_node() -> dict[str, str]:
        from auditor.engines.versions import versions

        return versions()

    return versions_of_node


def _remote_tidying() -> Callable[[Sequence[str]], None]:
    def tidy_up(audits: Sequence[str]) -> None:
        from auditor.engines.node import tidy

        for audit in audits:
            tidy(audit)

    return tidy_up
