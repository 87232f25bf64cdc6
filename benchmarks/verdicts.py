"""The verdicts of several runs of pytest side by side, as a table in Markdown.

pytest properties/ --redundancy-json=small.json
pytest properties/ --redundancy-json=full.json --redundancy-data=mnist.npz
python benchmarks/verdicts.py small.json full.json
"""

import argparse
import json
from pathlib import Path

ORDER = "HOLDS", "INCONCLUSIVE", "REFUTED", "ERROR"
"""From the best to the worst: a claim has the worst outcome of its tests."""


def judged(path):
    """(its data, {claim: (outcome, configurations, runs)}) of a report, in its order."""
    report = json.loads(path.read_text(encoding="utf-8"))
    claims = {}
    for verdict in report["verdicts"]:
        outcome, configurations, runs = claims.get(verdict["claim"], (ORDER[0], 0, 0))
        claims[verdict["claim"]] = (
            max(outcome, verdict["outcome"], key=ORDER.index),
            configurations + verdict["configurations"],
            runs + verdict["runs"],
        )
    return ", ".join(Path(data["name"]).name for data in report["session"]["data"]), claims


def cell(found):
    """One claim on one data set."""
    if found is None:
        return "not asked"
    outcome, configurations, runs = found
    return f"{outcome}, {configurations} / {runs or '-'}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json")
    reports = [judged(path) for path in parser.parse_args().reports]
    print("| claim |", " | ".join(name for name, _ in reports), "|")
    print("|---" * (1 + len(reports)) + "|")
    for claim in dict.fromkeys(claim for _, claims in reports for claim in claims):
        print(f"| {claim} |", " | ".join(cell(claims.get(claim)) for _, claims in reports), "|")


if __name__ == "__main__":
    main()
