"""The results, for people: a table in the terminal, Markdown for the docs."""


def number(value):
    """Three significant digits are more than the machine repeats."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def spread(found):
    return (f"{number(found['median'])} [{number(found['min'])}–"
            f"{number(found['max'])}]")


def ratio_metrics(outcome):
    """What a row is compared by: its first metric, and those of its goals."""
    if not any("ratio" in one for one in outcome["variants"].values()):
        return []
    metrics = [next(iter(outcome["metrics"]))]
    metrics += [check["metric"] for check in outcome["checks"]
                if check["unit"] == "×" and not check.get("against")
                and check["metric"] not in metrics]
    return metrics


def table_of(outcome):
    """Header and rows of one scenario, as text."""
    metrics = outcome["metrics"]
    compared = ratio_metrics(outcome)
    baseline = outcome["baseline"]
    header = ["", *metrics.values(),
              *(f"{metrics[key]} × {baseline}" for key in compared)]
    rows = []
    for name, variant in outcome["variants"].items():
        ratios = variant.get("ratio", {})
        rows.append(
            [name, *(number(variant["figures"].get(key, {}).get("median"))
                     for key in metrics),
             *("1" if name == baseline else
               spread(ratios[key]) if key in ratios else "–"
               for key in compared)])
    return header, rows


def _aligned(lines):
    widths = [max(len(cell) for cell in column) for column in zip(*lines)]
    for line in lines:
        first = line[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))
        yield "  " + "  ".join([first, *rest]).rstrip()


def verdict(check):
    value = number(check["value"])
    if "min" in check:
        value = spread({"median": check["value"], "min": check["min"],
                        "max": check["max"]})
    against = check.get("against") or "raw"
    unit = f"× {against}" if check["unit"] == "×" else check["unit"]
    goal = f"{check['compare']} {number(check['limit'])} {unit}".strip()
    return value, goal, "met" if check["met"] else "MISSED"


def text_of(outcome):
    lines = [f"{outcome['name']}: {outcome['title']}"]
    if outcome.get("failed"):
        return "\n".join([*lines, f"  failed: {outcome['failed']}", ""])
    header, rows = table_of(outcome)
    lines += _aligned([header, *rows])
    if outcome["note"]:
        lines.append(f"  ({outcome['note']})")
    for peer, reason in outcome["skipped"].items():
        lines.append(f"  without {peer}: {reason}")
    for check in outcome["checks"]:
        value, goal, word = verdict(check)
        lines.append(f"  {word}: {check['goal']} {value}, goal {goal}")
    return "\n".join([*lines, ""])


def goals_of(results):
    return [check for outcome in results["scenarios"]
            for check in outcome.get("checks", [])]


def summary_text(results):
    rows = [["goal", "measured", "wanted", ""]]
    rows += [[check["goal"], *verdict(check)] for check in goals_of(results)]
    return "\n".join(["goals", *_aligned(rows), ""])


def setting_lines(results):
    machine, node = results["machine"], results["node"]
    tier = node.get("isolation", {}).get("tier", "not asked")
    return [
        f"{machine['cores']} cores of {machine['cpu']}, "
        f"{machine['memory_mb']} MB, Linux {machine['kernel']}, "
        f"load {machine['load_before']:.1f} before",
        f"store on {node['places']['store']}, sessions on "
        f"{node['places']['sessions']}, isolation tier {tier}",
        f"{results['rounds']} rounds, {results['taken_at']}, "
        f"revision {results['revision']}"
        + (", quick: sizes an eighth" if results["quick"] else ""),
    ]


def _markdown_table(header, rows):
    lines = ["| " + " | ".join(header) + " |",
             "|" + "|".join(["---"] + ["---:"] * (len(header) - 1)) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def markdown_of(results):
    lines = [*(f"- {line}" for line in setting_lines(results)), ""]
    goals = [[check["goal"], *verdict(check)] for check in goals_of(results)]
    lines += _markdown_table(["goal", "measured", "wanted", ""], goals)
    for outcome in results["scenarios"]:
        lines += ["", f"**{outcome['name']}**: {outcome['title']}"
                  + (f" ({outcome['note']})" if outcome.get("note") else ""), ""]
        if outcome.get("failed"):
            lines.append(f"failed: {outcome['failed']}")
            continue
        lines += _markdown_table(*table_of(outcome))
        if outcome["skipped"]:
            left_out = "; ".join(f"{peer} ({reason})" for peer, reason
                                 in outcome["skipped"].items())
            lines += ["", f"Left out: {left_out}."]
    return "\n".join(lines) + "\n"
