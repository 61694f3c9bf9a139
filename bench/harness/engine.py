"""Rounds, medians and ratios.

A scenario has variants, measured one after another in every round, in an
order that rotates from round to round. A ratio is taken between figures of
the same round, so that a slow minute of the machine is in both.
"""

import operator
import statistics
from dataclasses import dataclass, field
from typing import Callable

COMPARE = {"≥": operator.ge, "≤": operator.le}


@dataclass
class Check:
    """A goal: a variant's figure, or its ratio to the baseline's."""

    goal: str
    metric: str
    compare: str  # "≥" or "≤"
    limit: float
    variant: str = "node"
    is_ratio: bool = False
    unit: str = ""
    against: str = ""  # another variant, instead of the baseline


@dataclass
class Scenario:
    """One row of the suite. A variant returns its figures of one round."""

    name: str
    title: str
    metrics: dict  # key → what the table calls it
    variants: dict[str, Callable[[], dict]] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    baseline: str = "raw"
    note: str = ""


def _summary(values):
    return {"median": statistics.median(values), "min": min(values),
            "max": max(values)}


def _shared_numbers(samples):
    return [key for key, value in samples[0].items()
            if isinstance(value, (int, float)) and
            all(key in sample for sample in samples)]


def _ratios(samples, baseline):
    result = {}
    for key in _shared_numbers(samples):
        if all(base.get(key) for base in baseline):
            result[key] = _summary([sample[key] / base[key] for sample, base
                                    in zip(samples, baseline)])
    return result


def _found(check, variants):
    variant = variants.get(check.variant, {})
    if not check.is_ratio:
        return variant.get("figures", {}).get(check.metric)
    if check.against and variant:
        return _ratios(variant["samples"],
                       variants[check.against]["samples"]).get(check.metric)
    return variant.get("ratio", {}).get(check.metric)


def _evaluate(check, outcome):
    found = _found(check, outcome["variants"])
    entry = {"goal": check.goal, "metric": check.metric,
             "unit": "×" if check.is_ratio else check.unit, "compare": check.compare,
             "limit": check.limit, "against": check.against}
    if found is None:
        return entry | {"value": None, "met": False}
    met = COMPARE[check.compare](found["median"], check.limit)
    return entry | {"value": found["median"], "min": found["min"],
                    "max": found["max"], "met": met}


def run(scenario, rounds, say):
    """Measures a scenario; returns what report.py prints."""
    names = list(scenario.variants)
    samples = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            say(f"{scenario.name}: round {number + 1} of {rounds}, {name}")
            samples[name].append(scenario.variants[name]())
    return summarize(scenario, samples)


def summarize(scenario, samples):
    outcome = {"name": scenario.name, "title": scenario.title,
               "metrics": scenario.metrics, "baseline": scenario.baseline,
               "note": scenario.note, "skipped": scenario.skipped,
               "variants": {}}
    for name, taken in samples.items():
        figures = {key: _summary([sample[key] for sample in taken])
                   for key in _shared_numbers(taken)}
        outcome["variants"][name] = {"samples": taken, "figures": figures}
        if name != scenario.baseline and scenario.baseline in samples:
            outcome["variants"][name]["ratio"] = _ratios(
                taken, samples[scenario.baseline])
    outcome["checks"] = [_evaluate(check, outcome)
                         for check in scenario.checks]
    return outcome
