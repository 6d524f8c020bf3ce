"""Numbers as text: three significant digits, no more than the interval supports, never 100 % for 399 of 400.

Shares (units that begin with ``share``) are shown in per cent. A number keeps its n and interval until it
arrives here. Of an interval that is open on one side the other end is shown, with its sign.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from auditor.documents.results import OF_WHOLES, Meaning, Measure, Rule, Scale, SummaryMeasure

MINUS = "\N{MINUS SIGN}"
THIN = "\N{NARROW NO-BREAK SPACE}"
NO_BREAK = "\N{NO-BREAK SPACE}"
AT_LEAST, AT_MOST = "\N{GREATER-THAN OR EQUAL TO}", "\N{LESS-THAN OR EQUAL TO}"
DIGITS = 3
Unit = Measure | Meaning | Rule
"""What has a unit and a scale."""
_INTERVAL = re.compile(r"\[([^\[\], ]+), ([^\[\], ]+)\]")


@dataclass(frozen=True)
class Shown:
    """A measured number as text: value, interval in brackets (may be empty), unit as written after it."""

    value: str
    interval: str
    unit: str

    @property
    def full(self) -> str:
        """Value and interval."""
        return f"{self.value} {self.interval}".strip()


def is_share(scale: Scale) -> bool:
    """Whether a number is a share of something, so that it reads best in per cent."""
    return scale in OF_WHOLES


def unit_words(of: Unit) -> str:
    """The unit as it stands in a table head: a share ``of steps`` is read in ``% of steps``."""
    in_percent = of.unit.replace("share", "%", 1) if of.unit.startswith("share") else f"{of.unit}, in %"
    return unbroken(in_percent if is_share(of.scale) else of.unit)


def begun(title: str) -> str:
    """A title inside a sentence: only its first letter changes, so that ``L2`` stays what it is.

    >>> begun("Margin, L2")
    'margin, L2'
    """
    return title[:1].lower() + title[1:]


def unbroken(text: str) -> str:
    """Intervals inside a text kept on one line: the space in ``[0, 1]`` does not break."""
    return _INTERVAL.sub(f"[\\1,{NO_BREAK}\\2]", text)


def shown(measure: Measure) -> Shown:
    """A measure as text."""
    return shown_interval(measure.value, measure.ci_low, measure.ci_high, measure)


def shown_summary(measure: SummaryMeasure, of: Unit) -> Shown:
    """A mean over pairs as text."""
    return shown_interval(measure.mean, measure.ci_low, measure.ci_high, of)


def shown_interval(value: float, low: float | None, high: float | None, of: Unit) -> Shown:
    """A value with its 95 % interval, all three to as many decimals as the interval supports.

    Args:
        low, high: ends of the interval; None (or infinite) is open, and a number with two open ends has no interval.
        of: what has its unit and scale.

    >>> rule = Rule.model_construct(unit="L2", scale="distance")
    >>> shown_interval(1.0234, 0.981, None, rule).full.replace(NO_BREAK, " ")
    '1.02 [\N{GREATER-THAN OR EQUAL TO} 0.98]'
    """
    low, high = _end(low), _end(high)
    if low is None and high is None:
        return Shown(value_text(value, of.scale), "", unit_words(of))
    share = is_share(of.scale)
    scale = 100 if share else 1
    digits = _decimals(scale * value, _half_width(value, low, high, scale))
    if share:
        if value in (0.0, 1.0):  # three digits of 100 would leave the other end of the interval without decimals
            digits = 1
        return Shown(percent(value, digits), _brackets(low, high, partial(_share, digits=digits)), unit_words(of))
    return Shown(decimal(value, digits), _brackets(low, high, partial(decimal, digits=digits)), unit_words(of))


def _end(end: float | None) -> float | None:
    return None if end is None or math.isinf(end) else end


def _half_width(value: float, low: float | None, high: float | None, scale: float) -> float | None:
    """Half of the interval's width; where one end is open, how far the other is away."""
    if low is not None and high is not None:
        return scale * (high - low) / 2
    end = low if high is None else high
    return None if end is None else scale * abs(value - end)


def _brackets(low: float | None, high: float | None, text: Callable[[float], str]) -> str:
    """The interval as it is read: both ends, or the only one that is known with its sign, or nothing."""
    if low is not None and high is not None:
        return f"[{text(low)},{NO_BREAK}{text(high)}]"
    if low is not None:
        return f"[{AT_LEAST}{NO_BREAK}{text(low)}]"
    return f"[{AT_MOST}{NO_BREAK}{text(high)}]" if high is not None else ""


def value_text(value: float, scale: Scale) -> str:
    """A single value without an interval: three significant digits."""
    return percent(value) if is_share(scale) else number(value)


def number(value: float) -> str:
    """Three significant digits, no exponent between a ten-thousandth and a million.

    >>> number(1.0449), number(0.000123), number(21588)
    ('1.04', '0.000123', '21,588')
    """
    if value and (abs(value) < 1e-4 or abs(value) >= 1e6):
        return f"{value:.1e}".replace("-", MINUS)
    return decimal(value, _decimals(value, None))


def decimal(value: float, digits: int) -> str:
    """A fixed number of decimals, thousands separated, a true minus sign and no negative zero."""
    text = f"{value:,.{max(digits, 0)}f}"
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.,") else MINUS + text[1:]
    return text


def percent(share: float, digits: int | None = None) -> str:
    """A share in per cent; what is not all or nothing never reads as 100 % or 0 %.

    >>> [percent(share).replace(THIN, ' ') for share in (399 / 400, 1.0, 1e-6)]
    ['99.8 %', '100 %', '<0.1 %']
    """
    return f"{_share(share, _percent_decimals(share) if digits is None else digits)}{THIN}%"


def probability(p: float) -> str:
    """A probability under an image: one decimal in per cent, with what is nearly all or nothing said so.

    >>> [probability(p).replace(THIN, ' ') for p in (0.9997, 0.4821, 2e-5)]
    ['>99.9 %', '48.2 %', '<0.1 %']
    """
    if p > 0.9995:
        return f">99.9{THIN}%"
    return f"<0.1{THIN}%" if p < 0.0005 else percent(p, 1)


def _percent_decimals(share: float) -> int:
    return 0 if share in (0.0, 1.0) else min(max(_decimals(100 * share, None), 0), 2 if 100 * share < 1 else 1)


def _share(share: float, digits: int) -> str:
    if share in (0.0, 1.0):
        return decimal(100 * share, 0)
    digits = min(max(digits, 0), 3)
    for more in range(digits, 4):
        text = decimal(100 * share, more)
        if float(text.replace(",", "").replace(MINUS, "-")) not in (0.0, 100.0):
            return text
    return "<0.1" if 0 < share < 0.5 else ">99.9"


def _decimals(value: float, half_width: float | None) -> int:
    """Decimals for three significant digits of ``value``, fewer where the half-width supports fewer.

    The half-width itself keeps two significant digits: 1.0234 +- 0.045 has two decimals.
    """
    scale = abs(value) if value else (half_width or 0.0)
    digits = DIGITS - 1 - math.floor(math.log10(scale)) if scale else 0
    if half_width:
        digits = min(digits, 1 - math.floor(math.log10(half_width)))
    return min(max(digits, 0), 6)


def count(value: int) -> str:
    """A count with thousands separated."""
    return f"{value:,}"


def size(value: int) -> str:
    """A file size in the largest unit that keeps it above one."""
    amount = float(value)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{number(amount) if unit != 'bytes' else value} {unit}"
        amount /= 1000
    return f"{number(amount)} GB"


def plural(n: int, word: str, words: str | None = None) -> str:
    """``"1 pair"``, ``"45 pairs"``."""
    return f"{count(n)} {word if n == 1 else words or word + 's'}"
