"""Each backend of Keras: what trains one run at a time is the same training, from the same seeds."""

from collections.abc import Iterator
from dataclasses import replace

from broken.mutation import Mutation

ALONE = "tests/zoo/fused/test_fused_groups.py -k alone"
BACKENDS = "tests/zoo/test_zoo_backends.py"

SHARED = (
    Mutation(
        "all runs start with the weights of one seed",
        "zoo/alone.py",
        "start = initial(recipe, seed, data.input_shape)",
        "start = initial(recipe, 0, data.input_shape)",
        BACKENDS,
    ),
    Mutation(
        "all runs see the data in one order",
        "zoo/alone.py",
        "batches(seed, len(data.x_train)",
        "batches(0, len(data.x_train)",
        BACKENDS,
    ),
    Mutation(
        "all runs drop what one seed says",
        "zoo/alone.py",
        "mask.drawn(seed, place - 1,",
        "mask.drawn(0, place - 1,",
        BACKENDS,
    ),
    Mutation(
        "every step drops the same",
        "zoo/alone.py",
        "mask.drawn(seed, place - 1,",
        "mask.drawn(seed, 0,",
        BACKENDS,
    ),
    Mutation(
        "a run begins with the optimiser's memory of the last one",
        "zoo/alone.py",
        "        variable.assign(value)\n",
        "        pass\n",
        BACKENDS,
    ),
    Mutation(
        "the optimiser's parameters, as momentum, are left out",
        "zoo/alone.py",
        'config = {**chosen.options, "learning_rate": recipe.learning_rate}',
        'config = {"learning_rate": recipe.learning_rate}',
        BACKENDS,
    ),
    Mutation(
        "a run that diverges goes on",
        "zoo/alone.py",
        "            diverged = place\n            break\n",
        "            diverged = place\n",
        BACKENDS,
    ),
)


def _on(backend: str, tests: str, *own: tuple[str, str, str]) -> Iterator[Mutation]:
    """What is broken on every backend, and in the file of one: (what, old, new)."""
    yield from (replace(mutation, tests=tests, backend=backend) for mutation in SHARED)
    yield from (Mutation(what, f"zoo/backends/{backend}.py", old, new, tests, backend) for what, old, new in own)


TENSORFLOW = tuple(
    _on(
        "tensorflow",
        ALONE,
        ("penalties of kernels are left out", "tf.add_n([loss, *penalties])", "loss"),
        ("batches are not normalised in training", "training=True", "training=False"),
        ("the step that diverges moves statistics", "            variable.assign(old)\n", "            pass\n"),
        ("the step that diverges is taken", "tf.cond(sound, take, end)", "take()"),
    )
)

DRAWN = Mutation(
    "initial weights are drawn by the backend's own generator",
    "zoo/drawing.py",
    "return np.asarray(_spread(told, extents, _seed(words), dtype))",
    "told.seed = int(words[0]); return np.asarray(told(extents, dtype))",
    BACKENDS,
)

JAX = (
    *_on(
        "jax",
        BACKENDS,
        (
            "penalties of kernels are left out",
            "sum((penalty.astype(exact.dtype) for penalty in penalties), -own.mean())",
            "-own.mean()",
        ),
        ("batches are not normalised in training", "training=True", "training=False"),
        ("moving statistics stay as they were", "list(moved), list(new_slots)", "list(moving), list(new_slots)"),
        ("the optimiser remembers nothing", "list(moved), list(new_slots)", "list(moved), list(slots)"),
        ("the step that diverges is taken", "jnp.where(sound, new, old), after, state)", "new, after, state)"),
    ),
    replace(DRAWN, backend="jax"),
)

TORCH = (
    *_on(
        "torch",
        BACKENDS,
        (
            "penalties of kernels are left out",
            "loss = sum((penalty.to(loss.dtype) for penalty in model.losses), loss)",
            "loss = loss + 0.0",
        ),
        ("batches are not normalised in training", "training=True", "training=False"),
        ("the step that diverges moves statistics", "                variable.assign(old)\n", "                pass\n"),
        ("the step that diverges is taken", "            return False\n", "            pass\n"),
        (
            "the gradient is that of a sum, and not of a mean",
            "torch.nn.functional.cross_entropy(exact, torch.as_tensor(labels))",
            'torch.nn.functional.cross_entropy(exact, torch.as_tensor(labels), reduction="sum")',
        ),
    ),
    replace(DRAWN, backend="torch"),
)
