"""The random functions that come as a table: what each takes, gives and comes from. `quantiles` does the arithmetic."""

from __future__ import annotations

from synthspec.languages.expressions.random.entry import EXACT, INFINITY, Argument, Distribution, Relation, above

_LOW, _HIGH = Argument("low", "smallest value"), Argument("high", "largest value")
_CHANCE = Argument("p", "chance of success", low=0.0, high=1.0)
_SOME_CHANCE = Argument("p", "chance of success", low=0.0, high=1.0, low_open=True)
_ORDERED = (Relation("below", ("low", "high")),)
_DATED = (Relation("at most", ("start", "end")),)
_NIST, _DEVROYE = "NIST/SEMATECH e-Handbook 1.3.6.6", "Devroye, Non-Uniform Random Variate Generation"
_DLMF = "NIST DLMF"

_CONTINUOUS = (
    Distribution(
        "uniform",
        "every value between two ends alike",
        (Argument("low", "smallest value", 0.0), Argument("high", "largest value", 1.0)),
        "number",
        f"{_NIST}.2",
        _ORDERED,
        "(low + high)/2",
        "low + u·(high − low)",
    ),
    Distribution(
        "normal",
        "the bell curve",
        (Argument("mean", "centre", 0.0), above("sd", "standard deviation", 0.0, 1.0)),
        "number",
        f"{_NIST}.1",
        (),
        "mean",
        "mean + sd·Φ⁻¹(u)",
    ),
    Distribution(
        "lognormal",
        "a value whose natural logarithm is normal: incomes, durations, file sizes",
        (Argument("log_mean", "mean of the logarithm"), above("log_sd", "its standard deviation")),
        "number",
        f"{_NIST}.9",
        (),
        "exp(log_mean + log_sd²/2)",
        "exp(log_mean + log_sd·Φ⁻¹(u))",
    ),
    Distribution(
        "exponential",
        "waiting time between independent events",
        (above("mean", "mean waiting time"),),
        "number",
        f"{_NIST}.7",
        (),
        "mean",
        "−mean·ln(1 − u)",
    ),
    Distribution(
        "gamma",
        "a positive value with a long right tail",
        (above("shape", "shape"), above("scale", "scale")),
        "number",
        f"{_NIST}.11; {_DLMF} 8.2",
        (),
        "shape·scale",
        "scale·P⁻¹(shape, u)",
    ),
    Distribution(
        "beta",
        "a share between 0 and 1",
        (above("a", "pull towards 1"), above("b", "pull towards 0")),
        "number",
        f"{_NIST}.17; {_DLMF} 8.17",
        (),
        "a/(a + b)",
        "I⁻¹(a, b, u)",
    ),
    Distribution(
        "triangular",
        "a smallest, a likeliest and a largest value",
        (_LOW, Argument("mode", "likeliest value"), _HIGH),
        "number",
        "Kotz & van Dorp, Beyond Beta, chapter 1",
        (*_ORDERED, Relation("at most", ("low", "mode", "high"))),
        "(low + mode + high)/3",
        "low + √(u·(high − low)·(mode − low)), mirrored beyond the mode",
    ),
    Distribution(
        "pareto",
        "few large and many small: wealth, city sizes",
        (above("shape", "the smaller, the heavier the tail"), above("scale", "smallest value", 0.0, 1.0)),
        "number",
        "Johnson, Kotz & Balakrishnan, Continuous Univariate Distributions 1, chapter 20",
        (),
        "shape·scale/(shape − 1) for shape > 1",
        "scale·(1 − u)^(−1/shape)",
    ),
    Distribution(
        "loguniform",
        "every order of magnitude alike",
        (above("low", "smallest value"), above("high", "largest value")),
        "number",
        "Hamming, On the Distribution of Numbers (1970)",
        _ORDERED,
        "(high − low)/ln(high/low)",
        "low·(high/low)^u",
    ),
    Distribution(
        "student_t",
        "a bell curve with heavier tails",
        (above("df", "degrees of freedom"), Argument("loc", "centre", 0.0), above("scale", "scale", 0.0, 1.0)),
        "number",
        f"{_NIST}.4",
        (),
        "loc for df > 1",
        "loc + scale·T⁻¹(df, u)",
    ),
)

_DISCRETE = (
    Distribution(
        "poisson",
        "how many independent events in a period",
        (Argument("mean", "mean count", low=0.0, high=1e15),),
        "integer",
        f"{_NIST}.19; {_DLMF} 8.4.10",
        (),
        "mean",
        "smallest k with Q(k + 1, mean) ≥ u",
    ),
    Distribution(
        "binomial",
        "how many successes in n tries",
        (Argument("n", "number of tries", low=0.0, high=EXACT, integer=True), _CHANCE),
        "integer",
        f"{_NIST}.18; {_DLMF} 8.17.5",
        (),
        "n·p",
        "smallest k with I(n − k, k + 1, 1 − p) ≥ u",
    ),
    Distribution(
        "negative_binomial",
        "how many failures before the n-th success (n need not be whole)",
        (above("n", "successes waited for"), _SOME_CHANCE),
        "integer",
        f"{_DLMF} 8.17.24",
        (),
        "n·(1 − p)/p",
        "smallest k with I(n, k + 1, p) ≥ u",
    ),
    Distribution(
        "geometric",
        "tries up to and including the first success: 1, 2, 3, …",
        (_SOME_CHANCE,),
        "integer",
        f"{_DEVROYE}, X.2",
        (),
        "1/p",
        "⌈ln(1 − u)/ln(1 − p)⌉",
    ),
    Distribution(
        "zipf",
        "rank 1 to n, the k-th with weight k^−exponent: words, products, visits",
        (
            Argument("exponent", "0: all alike; 1: Zipf's law", low=0.0),
            Argument("n", "number of ranks", low=1.0, high=EXACT, integer=True),
        ),
        "integer",
        f"Zipf (1949); sums by Euler-Maclaurin, {_DLMF} 2.10.1",
        (),
        "H(n, exponent − 1)/H(n, exponent)",
        "smallest k with H(k, exponent) ≥ u·H(n, exponent)",
    ),
    Distribution("bernoulli", "true or false", (_CHANCE,), "boolean", f"{_DEVROYE}, X.1", (), "p", "u > 1 − p"),
    Distribution(
        "integer",
        "every whole number between two ends alike, both included",
        (
            Argument("low", "smallest value", low=-EXACT, high=EXACT, integer=True),
            Argument("high", "largest value", low=-EXACT, high=EXACT, integer=True),
        ),
        "integer",
        f"{_DEVROYE}, X.1",
        (Relation("at most", ("low", "high")),),
        "(low + high)/2",
        "low + ⌈u·(high − low + 1)⌉ − 1",
    ),
)

_LISTS = (
    Distribution(
        "choice",
        "one of a list",
        (
            Argument("values", "what to choose from", kind="list"),
            Argument("weights", "how likely each is, in any unit", "equal", kind="weights"),
        ),
        "any",
        f"{_DEVROYE}, III.2",
        (Relation("same length", ("values", "weights")),),
        "Σ weight·value/Σ weight, of numbers",
        "first value whose cumulative share is above u",
    ),
)

_CALENDAR = (
    Distribution(
        "date",
        "every day between two dates alike, both included",
        (Argument("start", "first day", kind="date"), Argument("end", "last day", kind="date")),
        "date",
        f"{_DEVROYE}, X.1",
        _DATED,
        "the middle day",
        "start + (⌈u·days⌉ − 1) days",
    ),
    Distribution(
        "datetime",
        "every second between two moments alike, both included",
        (Argument("start", "first moment", kind="datetime"), Argument("end", "last moment", kind="datetime")),
        "datetime",
        f"{_DEVROYE}, X.1",
        _DATED,
        "the middle moment",
        "start + (⌈u·seconds⌉ − 1) s",
    ),
    Distribution(
        "time",
        "every second between two times of day alike, both included; an early end is next day's",
        (Argument("start", "first second", kind="time"), Argument("end", "last second", kind="time")),
        "time",
        f"{_DEVROYE}, X.1",
        (),
        "the middle second",
        "start + (⌈u·seconds⌉ − 1) s, modulo one day",
    ),
)

_COMPOUND = (
    Distribution(
        "truncated",
        "another distribution of numbers, given that it lies between two ends, both included",
        (
            Argument("distribution", "call of a random function", kind="distribution"),
            Argument("low", "smallest value", -INFINITY),
            Argument("high", "largest value", INFINITY),
        ),
        "any",
        f"{_DEVROYE}, II.2",
        (Relation("at most", ("low", "high")),),
        "depends",
        "F⁻¹(F(low) + u·(F(high) − F(low)))",
    ),
    Distribution(
        "mixture",
        "one of several distributions, chosen for every row",
        (
            Argument("distributions", "calls of random functions", kind="distributions"),
            Argument("weights", "how likely each is, in any unit", "equal", kind="weights"),
        ),
        "any",
        f"{_DEVROYE}, II.4",
        (Relation("same length", ("distributions", "weights")),),
        "Σ weight·mean/Σ weight",
        "inverse of the one whose share holds u, at u's place within it",
    ),
)

ENTRIES: tuple[Distribution, ...] = (*_CONTINUOUS, *_DISCRETE, *_LISTS, *_CALENDAR, *_COMPOUND)
