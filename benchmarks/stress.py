"""Random Keras models by the thousand: compacted, and held to all that is promised.

    python benchmarks/stress.py [--models 10000] [--seed 0] [--processes 2] [--out stress.jsonl]

Model number n is the same in every run with one seed. Each process is replaced after some hundred models, since a model
leaves memory behind. Results are written as they come, one line a model: a run that was stopped goes on where it was.
With `--models 0` the figures of what is there are printed.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"
PIECE = 100
"""Models that one process tries."""


def piece(seed, numbers, out):
    """Tries some models, and adds a line for each to the file."""
    sys.path.insert(0, str(TESTS))
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import warnings

    warnings.simplefilter("ignore")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for number in numbers:
        line = json.dumps(tried_alone(seed, number))
        with out.open("a") as file:
            file.write(line + "\n")


def tried_alone(seed, number):
    """What one model gave, in plain types."""
    from composing import OPERATIONS, sketched
    from composing.trial import tried

    start = time.perf_counter()
    sketch = sketched([seed, number], sorted(OPERATIONS))
    try:
        trial = tried(sketch)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {str(error)[:300]} ({Path(place.filename).name}:{place.lineno})"
        return {"model": number, "dtype": sketch.dtype, "failed": said}
    counters = ("layers", "planted", "found", "refusals")
    numbers = ("expected", "removed", "decoys", "merged", "difference", "round_trip")
    return {
        "model": number,
        "dtype": sketch.dtype,
        "wrong": trial.wrong,
        **{name: dict(getattr(trial, name)) for name in counters},
        **{name: float(getattr(trial, name)) for name in numbers},
        "seconds": time.perf_counter() - start,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("stress.jsonl"))
    given = parser.parse_args()
    done = {line["model"] for line in lines(given.out)}
    left = [number for number in range(given.models) if number not in done]
    pieces = [left[k : k + PIECE] for k in range(0, len(left), PIECE)]
    start, context = time.perf_counter(), multiprocessing.get_context("spawn")
    with context.Pool(given.processes, maxtasksperchild=1) as pool:
        for _ in pool.starmap(piece, [(given.seed, numbers, given.out) for numbers in pieces], chunksize=1):
            pass
    figures(lines(given.out), time.perf_counter() - start)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def figures(results, seconds):
    """Prints what the models gave together."""
    failed = [line for line in results if "failed" in line]
    good = [line for line in results if "failed" not in line]
    for name in ("layers", "planted", "found", "refusals"):
        total = sum((Counter(line[name]) for line in good), Counter())
        print(f"{name}: {sum(total.values())}")
        for what, count in total.most_common():
            print(f"    {count:7d}  {what}")
    print(f"models composed: {len(results)}, by dtype {dict(Counter(line['dtype'] for line in results))}")
    for name in ("expected", "removed", "decoys", "merged", "round_trip"):
        print(f"{name}: {int(sum(line[name] for line in good))}")
    for dtype in ("float64", "float32"):
        worst = max((line["difference"] for line in good if line["dtype"] == dtype), default=0.0)
        print(f"largest difference in {dtype}, relative to the largest output: {worst:.3g}")
    wrong = [(line["model"], said) for line in good for said in line["wrong"]]
    print(f"not idempotent: {sum('again' in said for _, said in wrong)}")
    print(f"wrong: {len(wrong)}; did not run: {len(failed)}; {seconds:.0f} s in this run")
    for number, said in [*wrong, *((line["model"], line["failed"]) for line in failed)][:100]:
        print(f"    model {number}: {said[:200]}")


if __name__ == "__main__":
    main()
