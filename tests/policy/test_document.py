"""Policy files that are wrong: each is refused with the key that it is about."""

from __future__ import annotations

import pytest

from auditor.errors import UsageError
from auditor.policy.document import check_policy, parse_policy

ACCURACY = "[[rules]]\nmeasure = 'performance.accuracy'\n"


def waiver(*waivers: str) -> str:
    """A policy of one rule with waivers."""
    return f"version = 1\n{ACCURACY}min = 0.5\n" + "".join(f"[[waivers]]\n{text}\n" for text in waivers)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "version = 1"),
        ("version = 1", "at least one [[rules]]"),
        ("version = 1\nrules = []", "at least one [[rules]]"),
        ("version = 1\nrules = 3", "rules"),
        ("version = 2\n" + ACCURACY + "min = 0.5", "version"),
        ("version = '1'\n" + ACCURACY + "min = 0.5", "version"),
        ("version = 1\nstrikt = true\n" + ACCURACY + "min = 0.5", "found strikt"),
        ("version = 1\nstrict = 'yes'\n" + ACCURACY + "min = 0.5", "strict"),
        ("version = 1\n[validity]\nwarn = 'maybe'\n" + ACCURACY + "min = 0.5", "validity.warn"),
        ("version = 1\n[validity]\nfail = 'warn'\n" + ACCURACY + "min = 0.5", "found validity.fail"),
        ("version = 1\n[coverage]\npairs = 0\n" + ACCURACY + "min = 0.5", "coverage.pairs"),
        ("version = 1\n[coverage]\n" + ACCURACY + "min = 0.5", "coverage.pairs"),
        ("version = 1\n[[rules]]\nmin = 0.5", "rules[0].measure"),
        ("version = 1\n[[rules]]\nmeasure = ''\nmin = 0.5", "rules[0].measure"),
        ("version = 1\n" + ACCURACY, "found none"),
        ("version = 1\n" + ACCURACY + "min = 0.5\nmax = 0.9", "found min, max"),
        ("version = 1\n" + ACCURACY + "minn = 0.5", "found rules[0].minn"),
        ("version = 1\n" + ACCURACY + "min = nan", "rules[0].min"),
        ("version = 1\n" + ACCURACY + "min = inf", "rules[0].min"),
        ("version = 1\n" + ACCURACY + "min = '0.5'", "rules[0].min"),
        ("version = 1\n" + ACCURACY + "min = true", "rules[0].min"),
        ("version = 1\n" + ACCURACY + "min = [0.5]", "rules[0].min"),
        ("version = 1\n" + ACCURACY + "max_decrease = -0.1", "rules[0].max_decrease"),
        ("version = 1\n" + ACCURACY + "max_decrease = nan", "rules[0].max_decrease"),
        ("version = 1\n" + ACCURACY + "max_decrease = 'a lot'", "rules[0].max_decrease"),
        ("version = 1\n" + ACCURACY + "max_decrease = '-5 %'", "rules[0].max_decrease"),
        ("version = 1\n" + ACCURACY + "min = 0.5\nseverity = 'error'", "rules[0].severity"),
        ("version = 1\n" + ACCURACY + "min = 0.5\naggregate = 'median'", "rules[0].aggregate"),
        ("version = 1\n" + ACCURACY + "min = 0.5\npairs = []", "rules[0].pairs"),
        ("version = 1\n" + ACCURACY + "min = 0.5\npairs = '4:9'", "rules[0].pairs"),
        ("version = 1\n" + 2 * (ACCURACY + "min = 0.5\n"), "twice"),
        ("version = 1\nmin = ", "expected TOML"),
        ("version = 1\n[coverage]\nsamples = 0\n" + ACCURACY + "min = 0.5", "coverage.samples"),
        ("version = 1\n[coverage]\nsamples = '64'\n" + ACCURACY + "min = 0.5", "coverage.samples"),
        ("version = 1\n[coverage]\npairs = []\n" + ACCURACY + "min = 0.5", "coverage.pairs"),
        ("version = 1\n[coverage]\npairs = [3]\n" + ACCURACY + "min = 0.5", "coverage.pairs"),
        ("version = 1\n[coverage]\npairs = true\n" + ACCURACY + "min = 0.5", "coverage.pairs"),
        ("version = 1\n[coverage]\nprofile = ''\n" + ACCURACY + "min = 0.5", "coverage.profile"),
        ("version = 1\n[coverage]\nchosen = 'easy'\n" + ACCURACY + "min = 0.5", "coverage.chosen"),
        ("version = 1\n[coverage]\nseeds = 3\n" + ACCURACY + "min = 0.5", "found coverage.seeds"),
        *(
            (f"version = 1\n{ACCURACY}min = 0.5\nid = '{id}'", "none of the tool's own")
            for id in ("validity", "validity.x", "coverage.pairs", "baseline.seed", "policy", "Gate.x", " waivers.x")
        ),
        (waiver("rule = 'performance.accuracy'\nuntil = 2026-12-31"), "waivers[0].reason"),
        (waiver("rule = 'performance.accuracy'\nreason = ' '\nuntil = 2026-12-31"), "waivers[0].reason"),
        (waiver("rule = 'performance.accuracy'\nreason = 'new camera'"), "waivers[0].until"),
        (waiver("rule = 'performance.accuracy'\nreason = 'new camera'\nuntil = 'ever'"), "waivers[0].until"),
        (waiver("rule = 'performance.accuracy'\nreason = 'r'\nuntil = 2026-12-31T00:00:00"), "waivers[0].until"),
        (waiver("reason = 'new camera'\nuntil = 2026-12-31"), "waivers[0].rule"),
        (waiver("rule = 'accuracy'\nreason = 'new camera'\nuntil = 2026-12-31"), "found 'accuracy'"),
        (waiver("rule = 'validity.parity'\nreason = 'r'\nuntil = 2026-12-31"), "found 'validity.parity'"),
        (waiver("rule = 'coverage.pairs'\nreason = 'r'\nuntil = 2026-12-31"), "found 'coverage.pairs'"),
        (waiver("rule = 'baseline.seed'\nreason = 'r'\nuntil = 2026-12-31"), "found 'baseline.seed'"),
        (waiver("rule = 'performance.accuracy'\nreason = 'r'\nuntil = 2026-12-31\nfor = 'ever'"), "waivers[0].for"),
        (waiver(*2 * ["rule = 'performance.accuracy'\nreason = 'r'\nuntil = 2026-12-31"]), "found two"),
    ],
)
def test_bad_policies(text: str, said: str):
    with pytest.raises(UsageError) as err:
        parse_policy(text, "gate.toml")
    assert said in str(err.value)
    assert "gate.toml" in str(err.value)
    assert err.value.exit_code == 2


def test_a_whole_number_is_a_number():
    assert parse_policy("version = 1\n" + ACCURACY + "min = 1", "p").rules[0].limits == {"min": 1.0}


@pytest.mark.parametrize("written", ["characteristics.margin", "Margin, L2", "summary.margin.mean"])
def test_a_measure_that_is_not_there_leads_to_the_headline_measure_of_that_name(written: str):
    """``margin_l2`` begins so as well; it is the distance to the generated instance, of which no end is better."""
    from auditor.characteristics.base import characteristics

    definitions = {id: definition for _, kind in characteristics.items() for id, definition in kind.definitions.items()}
    policy = parse_policy(f'version = 1\n[[rules]]\nmeasure = "{written}"\nmin = 0.1\n', "p")
    with pytest.raises(UsageError, match=r"expected a measure such as \w+\.margin_l2_attack(\.mean)?,"):
        check_policy(policy, definitions)
