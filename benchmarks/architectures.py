"""Every architecture of `keras.applications`, small inputs, random weights: copies planted, found and removed.

    python benchmarks/architectures.py [MobileNet DenseNet121 ...] [--share 0.1] [--size 64]

Statistics of BatchNormalization are random as well. In every space that may change, a share of the units is made a
copy of others. `time` is reading, compacting and writing, as a multiple of `clone_model` and `set_weights` of the same
model in the same process; the difference is the largest of an output, relative to the largest output. Behind each
line come the refusals, by reason.
"""

import argparse
import gc
import time
from collections import Counter

import keras
import numpy as np
from applications import randomised, seconds

from redundancy.compaction import compact as compacted
from redundancy.errors import RedundancyError
from redundancy.frameworks.keras import read, write
from redundancy.planting import with_copies
from redundancy.workbench import compact

SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71, "NASNetMobile": 64, "NASNetLarge": 64}
"""Of the image, where an architecture needs more than others."""

NAMES = [
    "MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "EfficientNetB0", "EfficientNetV2B0",
    "DenseNet121", "NASNetMobile", "ConvNeXtTiny", "Xception", "InceptionV3", "InceptionResNetV2", "ResNet50",
    "ResNet50V2", "ResNet101", "VGG16", "VGG19",
]  # fmt: skip


def tried(name, share, size):
    rng = np.random.default_rng(0)
    size = max(size, SIZES.get(name, 32))
    fresh = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=100)
    network, planted = with_copies(randomised(read(fresh), rng), share, rng)
    model = write(network)
    cloning, _ = seconds(lambda: keras.models.clone_model(model).set_weights(model.get_weights()))
    spent, _ = seconds(lambda: write(compacted(read(model)).network))
    result = compact(model)
    print(
        f"{name:20} {planted:8} {len(result.removals):8} {result.parameters_before:12,} {result.parameters_after:12,}"
        f" {result.difference / (result.scale or np.nan):10.1e} {spent:8.2f} s {spent / cloning:6.2f}",
        flush=True,
    )
    counts = Counter()
    for refusal in result.refusals:
        counts[refusal.reason] += refusal.units
    for reason, count in counts.most_common():
        where = next(refusal for refusal in result.refusals if refusal.reason == reason)
        print(f"    {count} refused, such as {where.units} of {where.space[:60]} ({where.layer}): {reason}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--size", type=int, default=64)
    arguments = parser.parse_args()
    print(
        f"{'':20} {'planted':>8} {'removed':>8} {'parameters':>12} {'after':>12} {'difference':>10} {'time':>10} ratio"
    )
    for name in arguments.names:
        start = time.perf_counter()
        try:
            tried(name, arguments.share, arguments.size)
        except RedundancyError as error:
            print(f"{name:20} {type(error).__name__} after {time.perf_counter() - start:.1f} s: {error}", flush=True)
        keras.backend.clear_session()
        gc.collect()


if __name__ == "__main__":
    main()
