"""Published architectures with copies planted in every space that may change."""

import numpy as np
import pytest

from redundancy.compaction import compact as compacted
from redundancy.frameworks.keras import read, write
from redundancy.planting import with_copies
from redundancy.workbench import compact


def planted(name, size=32, **options):
    """The architecture with random statistics and copies, as a Keras model; and how many copies there are."""
    import keras

    rng = np.random.default_rng(0)
    network = read(getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=10, **options))
    changed = {}
    for node in network:
        weights = dict(node.weights)
        for key in weights if node.kind == "batch_normalization" else ():
            low, high = (0.5, 1.5) if key in ("gamma", "variance") else (-0.1, 0.1)
            weights[key] = rng.uniform(low, high, weights[key].shape).astype(np.float32)
        changed[node.name] = node.with_weights(weights)
    with_them, count = with_copies(network.with_nodes(changed), 0.1, rng)
    return write(with_them), count


def check(name, **options):
    model, count = planted(name, **options)
    found = compact(model)
    assert len(found.removals) >= count
    assert found.difference <= 1e-4 * found.scale
    assert not compacted(found.network).removals


@pytest.mark.slow
def test_every_copy_in_a_small_mobilenet_is_found():
    check("MobileNetV2", alpha=0.35)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("MobileNet", 32),
        ("MobileNetV3Small", 32),
        ("EfficientNetB0", 32),
        ("EfficientNetV2B0", 32),
        ("DenseNet121", 32),
        ("NASNetMobile", 32),
        ("ConvNeXtTiny", 32),
        ("Xception", 71),
        ("InceptionV3", 75),
        ("InceptionResNetV2", 75),
        ("ResNet50", 32),
        ("ResNet50V2", 32),
        ("VGG16", 32),
    ],
)
def test_every_copy_in_a_published_architecture_is_found(name, size):
    check(name, size=size)
