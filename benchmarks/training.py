"""How long a run takes by the zoo's step, side by side with Keras's own `fit`: ratios from one process.

    python benchmarks/training.py [--repeats 5]

Both train the same recipe on the same batches, in turns, each on a model that is built and warm.
"""

import argparse
import time

import numpy as np

from redundancy import load_data
from redundancy.frameworks.keras import write
from redundancy.zoo import Recipe, conv, dense, flatten, initial, seeds
from redundancy.zoo.seeds import batches
from redundancy.zoo.train import _start, _trainer

RECIPES = {
    "question, 16 filters": (conv(16, (3, 1)), flatten(), dense(10)),
    "conv 8 of 3x3": (conv(8, 3, activation="relu"), flatten(), dense(10)),
    "dense 100": (flatten(), dense(100, activation="relu"), dense(10)),
}


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(repeats: int) -> None:
    import keras

    data = load_data()
    print(f"{'recipe':24}{'steps, s':>10}{'fit, s':>10}{'fit / steps':>14}")
    for name, layers in RECIPES.items():
        recipe = Recipe(layers, steps=160)
        (seed,) = seeds(name, root=0, count=1)
        start = initial(recipe, seed, data.input_shape)
        trainer, model = _trainer(recipe, start), write(start)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(recipe.learning_rate), loss=loss, jit_compile=False)
        order = np.concatenate(list(batches(seed, len(data.x_train), recipe.steps, recipe.batch_size)))
        images, labels = data.x_train[order], data.y_train[order]

        def steps(trainer=trainer, recipe=recipe, start=start, seed=seed):
            _start(trainer, start, seed)
            for chosen in batches(seed, len(data.x_train), recipe.steps, recipe.batch_size):
                trainer.step(data.x_train[chosen], data.y_train[chosen])

        def fit(model=model, images=images, labels=labels, size=recipe.batch_size):
            model.fit(images, labels, batch_size=size, shuffle=False, verbose=0)

        steps(), fit()
        pairs = [(timed(steps), timed(fit)) for _ in range(repeats)]
        ours, theirs = (np.median(column) for column in zip(*pairs, strict=True))
        ratio = np.median([b / a for a, b in pairs])
        print(f"{name:24}{ours:10.2f}{theirs:10.2f}{ratio:14.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="interleaved pairs a recipe")
    main(parser.parse_args().repeats)
