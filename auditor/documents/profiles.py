"""How much an audit does: each profile fixes how many sources, how narrow the intervals, how hard it searches.

| profile | for | sources a class | margins, test and training | half-width of IDC's 95 % interval | RPBS and EPBS |
|---|---|---|---|---|---|
| quick | a pull request | 64 | 24 and 8 | 0.012 | for the pairs with a page |
| standard | a release | 400 | 64 and 16 | 0.003 | for the pairs with a page |
| thorough | a certificate | 1,000 | 400 and 200 | 0.0015 | for all pairs |
| paper | comparison with the authors' numbers | all | 64 and 16 | every partner, as in the paper | for all pairs |

The generators' own settings for each profile stand with them (``auditor.boundary.deepdig.RECIPES``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from auditor.errors import UsageError


@dataclass(frozen=True)
class Profile:
    """What an audit spends and how precise it gets.

    Args:
        name: as on the command line.
        summary: what it is for, for ``deepdig-audit list``.
        samples_per_class: most training samples of a class that start a direction; None takes all.
        precision: half-width of the 95 % interval at which sampling may stop, as a share of the value's range; IDC
            stops at 0.3 of it.
        attacked: most samples of a class of the test split whose margins are searched for.
        attacked_train: the same of the training split, whose margins only stand beside those.
        attack: gradients of the first and of the second descent, halvings of each candidate, gradients of the third.
        baselines: measured for the pairs that the report shows on a page of their own, or for all pairs.
    """

    name: str
    summary: str
    samples_per_class: int | None
    precision: float
    attacked: int
    attacked_train: int = 16
    attack: tuple[int, int, int, int] = (24, 26, 7, 26)
    baselines: Literal["shown", "all"] = "shown"

    @property
    def gradients(self) -> int:
        """Of the attack, for each sample."""
        first, second, _, third = self.attack
        return first + second + third

    def with_samples(self, samples_per_class: int | None) -> Profile:
        """The same profile with the number of sources that was asked for, if any was."""
        return self if samples_per_class is None else replace(self, samples_per_class=samples_per_class)


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("quick", "a pull request: 64 sources a class, IDC to 0.012", 64, 0.04, 24, 8, (8, 12, 4, 8)),
        Profile("standard", "a release: 400 sources a class, IDC to 0.003", 400, 0.01, 64),
        Profile(
            "thorough",
            "a certificate: 1,000 sources a class, IDC to 0.0015",
            1000,
            0.005,
            400,
            200,
            (30, 36, 9, 36),
            "all",
        ),
        Profile("paper", "the authors' networks and settings on all sources", None, 0.01, 64, baselines="all"),
    )
}


def profile_named(name: str) -> Profile:
    """The profile of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in PROFILES:
        raise UsageError(f"expected a profile of {', '.join(PROFILES)}; found {name!r}; correct --profile")
    return PROFILES[name]
