"""The commands `prune`, which writes a model without the units that matter least, and `tradeoffs`, which compares."""

from __future__ import annotations

import argparse
import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from redundancy.cli.models import kept
from redundancy.cli.options import add_files, number, words
from redundancy.cli.outputs import check_outputs, json_file, path_of, show, width
from redundancy.cli.progress import only_ours, told
from redundancy.cli.reading import model_of
from redundancy.errors import OptionError
from redundancy.output import written_whole

PICTURES = ".png", ".svg"
"""What the name of a picture may end with."""

BY = "random, norm, product, apoz, mean, taylor, median, srinivas-babu, interpolative, obd, obs"
"""Written out: to ask for the names would load what they are made of, for a line of help."""

REFUTED = 1
"""The exit code where the test images show that the pruned model is worse by more than the margin."""

_CODES = (
    "exit codes: 0 done; 1 the test images show that it is worse by more than --within allows, and it is written all"
    " the same; 2 the arguments, or what they name, cannot be used; 70 a mistake of this program; 130 interrupted"
)


_ONLY = (
    "exit codes: 0 done; 2 the arguments, or what they name, cannot be used; 70 a mistake of this program; 130"
    " interrupted"
)


def add_commands(commands: Any) -> None:
    """Adds `prune` and `tradeoffs` to the commands of a parser."""
    text = "write a model without the units that matter least; those that stay take over"
    prune = commands.add_parser("prune", help=text, description=text, epilog=_CODES)
    prune.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="a .keras or .h5 file")
    much = prune.add_mutually_exclusive_group(required=True)
    much.add_argument("--remove", type=_share, metavar="SHARE", help="how much goes, at least: 0.5 for half")
    much.add_argument(
        "--within",
        type=_share,
        metavar="MARGIN",
        help="as much goes as leaves the accuracy within that, as 0.005 for half a point: chosen on the last sixth of"
        " the rows, judged on the test images",
    )
    prune.add_argument("--by", default="obs", metavar="CRITERION", help=f"what matters: {BY} (obs if not given)")
    prune.add_argument(
        "--tune",
        type=int,
        default=0,
        metavar="EPOCHS",
        help="train afterwards, with the model's own compile settings where it has some",
    )
    prune.add_argument(
        "--distil",
        type=_temperature,
        nargs="?",
        const=True,
        default=False,
        metavar="TEMPERATURE",
        help="train to match the original's outputs, not the labels, at that temperature (1 if not given)",
    )
    prune.add_argument("--rounds", type=int, default=1, metavar="N", help="let units go in N rounds, and train in each")
    prune.add_argument(
        "--inputs", action="store_true", help="what weights read of the model's inputs, as pixels, may go as well"
    )
    _add_shared(prune)
    prune.set_defaults(run=_prune)

    text = "compare criteria: accuracy against what is left of a model, as a table, a file or a picture"
    curves = commands.add_parser("tradeoffs", help=text, description=text, epilog=_ONLY)
    curves.add_argument(
        "--by", type=words, default=None, metavar="CRITERION[,CRITERION...]", help=f"of {BY}; five if not given"
    )
    curves.add_argument(
        "--shares", type=_shares, default=None, metavar="SHARE[,SHARE...]", help="0.1,0.2,...,0.9 if not given"
    )
    curves.add_argument("--csv", type=Path, metavar="OUT.csv", help="write the points, one a line")
    curves.add_argument("--picture", type=Path, metavar="OUT.png|OUT.svg", help="draw them")
    _add_shared(curves)
    curves.set_defaults(run=_tradeoffs)


def _add_shared(command: argparse.ArgumentParser) -> None:
    """Adds what both take."""
    command.add_argument("model", type=Path, metavar="MODEL", help="a .keras, .h5 or .hdf5 file")
    command.add_argument(
        "--data",
        required=True,
        metavar="NAME|X.npz",
        help="what units are measured on: mnist-5k, mnist, or an .npz file with x_train, and y_train, x_test and y_test"
        " to be judged on; or with arrays called as the model's inputs are, and y",
    )
    command.add_argument(
        "--of",
        default="units",
        choices=("units", "parameters", "macs", "latency"),
        help="what shares are of, and what is to be saved (units if not given); latency is the time for 32 rows, timed"
        " on this machine beside the original, and may come out otherwise another time",
    )
    command.add_argument("--layers", type=words, metavar="NAME[,NAME...]", help="prune these only; all if not given")
    command.add_argument(
        "--no-repair", dest="repair", action="store_false", help="let nobody take over from the units that go"
    )
    command.add_argument(
        "--time",
        dest="timed",
        action="store_true",
        help="measure how long both models take for 32 rows, in turns",
    )
    command.add_argument("--seed", type=int, default=0, metavar="N", help="of what is drawn (0 if not given)")
    command.add_argument("--json", metavar="OUT.json", help="write what was done as JSON; - for the standard output")
    add_files(command)


def _prune(arguments: argparse.Namespace) -> int:
    from redundancy.data import LOADERS
    from redundancy.frameworks.keras import files as keras_files
    from redundancy.saliency import criterion

    criterion(arguments.by)
    file = None if arguments.data in LOADERS else Path(arguments.data)
    check_outputs(arguments, {"--output": arguments.output, "--json": path_of(arguments.json)}, file)
    keras_files.writable(arguments.output, force=arguments.force)
    if arguments.inputs and arguments.output.suffix == ".h5":
        raise OptionError("--inputs makes an operation, which Keras loads from .keras files only: write one of these")
    model = model_of(arguments, file, tell=True)
    with told("pruning"), only_ours():
        from redundancy.pruning import prune

        small = prune(
            model,
            data=arguments.data if file is None else file,
            by=arguments.by,
            remove=arguments.remove,
            within=arguments.within,
            layers=arguments.layers,
            of=arguments.of,
            repair=arguments.repair,
            seed=arguments.seed,
            tune=arguments.tune,
            distil=arguments.distil,
            rounds=arguments.rounds,
            inputs=arguments.inputs,
            timed=arguments.timed,
        )
    small = kept(arguments, small)
    from redundancy.report.table import compaction_table

    show(arguments, compaction_table(small, width()), small)
    return REFUTED if small.verdict is not None and small.verdict.outcome.value == "REFUTED" else 0


def _temperature(text: str) -> float:
    value = number(text)
    if not 0 < value < math.inf:
        what = f"{text!r} is no temperature: give a number above 0, or none"
        raise argparse.ArgumentTypeError(f"{what}, and MODEL before all options")
    return value


def _share(text: str) -> float:
    value = number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share: give a number between 0 and 1, as 0.5 for half")
    return value


def _shares(text: str) -> tuple[float, ...]:
    return tuple(_share(word) for word in words(text))


def _tradeoffs(arguments: argparse.Namespace) -> int:
    from redundancy.data import LOADERS
    from redundancy.saliency import criterion

    for name in arguments.by or ():
        criterion(name)
    if arguments.picture is not None and arguments.picture.suffix not in PICTURES:
        raise OptionError(f"--picture {str(arguments.picture)!r} is no name of a picture; end it with .png or .svg")
    file = None if arguments.data in LOADERS else Path(arguments.data)
    outputs = {"--json": path_of(arguments.json), "--csv": arguments.csv, "--picture": arguments.picture}
    check_outputs(arguments, outputs, file)
    model = model_of(arguments, file, tell=False)
    with told("pruning"), only_ours():
        from redundancy.tradeoffs import CRITERIA, SHARES, tradeoffs

        found = tradeoffs(
            model,
            data=arguments.data if file is None else file,
            by=arguments.by or CRITERIA,
            shares=arguments.shares or SHARES,
            of=arguments.of,
            layers=arguments.layers,
            repair=arguments.repair,
            seed=arguments.seed,
            timed=arguments.timed,
        )
    from redundancy.report.tradeoff_picture import draw_tradeoffs
    from redundancy.report.tradeoff_table import tradeoff_table

    with ExitStack() as files:
        json_file(files, arguments)(found)
        if arguments.csv is not None:
            temporary = files.enter_context(written_whole(arguments.csv, force=arguments.force))
            temporary.write_text(found.to_csv(), encoding="utf-8")
        if arguments.picture is not None:
            temporary = files.enter_context(written_whole(arguments.picture, force=arguments.force))
            draw_tradeoffs(found, temporary, arguments.picture.suffix[1:])
    show(arguments, tradeoff_table(found, width()), found)
    return 0
