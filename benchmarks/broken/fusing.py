"""Fusing is invisible: what a run is depends on its recipe, its seed and the data, and on nothing beside it."""

from broken.mutation import Mutation

TRAINING, ENGINE = "zoo/fused/training.py", "zoo/fused/engine.py"
GROUPS, KERAS = "tests/zoo/fused/test_fused_groups.py", "tests/zoo/fused/test_fused_keras.py"
TRAIN = "tests/zoo/test_zoo_train.py"

MUTATIONS = (
    Mutation(
        "all runs of a group see the data in the first one's order",
        TRAINING,
        "orders = [batches(seed, images, recipe.steps, recipe.batch_size) for _, seed in pairs]",
        "orders = [batches(pairs[0][1], images, recipe.steps, recipe.batch_size) for _ in pairs]",
        GROUPS,
    ),
    Mutation(
        "all runs of a group drop what the first one drops",
        TRAINING,
        "sequence(DROPOUT, place, seed)) for _, seed in chosen",
        "sequence(DROPOUT, place, chosen[0][1])) for _ in chosen",
        GROUPS,
    ),
    Mutation(
        "every dropout of a network draws the same",
        TRAINING,
        "sequence(DROPOUT, place, seed)) for _, seed in chosen",
        "sequence(DROPOUT, 0, seed)) for _, seed in chosen",
        KERAS,
    ),
    Mutation(
        "all runs of a group start with the first one's weights",
        TRAINING,
        "engine.start([laid[place] for place in filled],",
        "engine.start([laid[0] for place in filled],",
        GROUPS,
    ),
    Mutation(
        "learning rates are mixed up within a group",
        TRAINING,
        "[recipe.learning_rate for recipe, _ in chosen]",
        "[recipe.learning_rate for recipe, _ in chosen[::-1]]",
        GROUPS,
    ),
    Mutation(
        "runs that fill no group are left out",
        TRAINING,
        "for start in range(0, len(pairs), size):",
        "for start in range(0, len(pairs) - size + 1, size):",
        GROUPS,
    ),
    Mutation(
        "runs of a group come under each other's names",
        TRAINING,
        "network = engine.plan.network(start, engine.weights(place))",
        "network = engine.plan.network(start, engine.weights(len(pairs) - 1 - place))",
        GROUPS,
    ),
    Mutation(
        "the loss of the first run is told of all",
        TRAINING,
        "judged(trained[place], data.y_train)",
        "judged(trained[0], data.y_train)",
        TRAIN,
    ),
    Mutation(
        "the accuracy of the first run is told of all",
        TRAINING,
        "judged(tested[place], data.y_test)",
        "judged(tested[0], data.y_test)",
        TRAIN,
    ),
    Mutation(
        "a run that diverges takes its group with it",
        ENGINE,
        "variable.assign(tf.where(_over(ended, variable), old, variable))",
        "variable.assign(old)",
        GROUPS,
    ),
    Mutation(
        "a run that diverges ends the training of its group",
        ENGINE,
        "tf.reduce_any(self._state.diverged == NOT_YET)",
        "tf.reduce_all(self._state.diverged == NOT_YET)",
        GROUPS,
    ),
    Mutation(
        "the step that diverges is taken",
        ENGINE,
        "tf.cond(tf.reduce_any(ended), update_the_others, update)",
        "update()",
        GROUPS,
    ),
    Mutation(
        "the step that diverges moves the statistics of a BatchNormalization",
        ENGINE,
        "variable.assign(tf.where(_over(ended, variable), old, variable))",
        "variable.assign(tf.where(_over(ended, variable), old, variable)) if variable.trainable else None",
        GROUPS,
    ),
    Mutation(
        "a group begins with the optimiser's memory of the last one",
        ENGINE,
        "slot.assign(tf.fill(slot.shape, tf.cast(self._starts[name], slot.dtype)))",
        "slot.assign_add(tf.zeros_like(slot))",
        GROUPS,
    ),
    Mutation(
        "a group goes on counting steps where the last one ended",
        ENGINE,
        "self._state.step.assign(0)",
        "self._state.step.assign_add(0)",
        TRAIN,
    ),
    Mutation(
        "a group that follows one that diverged is not trained",
        ENGINE,
        "self._state.diverged.assign(np.full(self.size, NOT_YET))",
        "self._state.diverged.assign_add(np.full(self.size, NOT_YET))",
        GROUPS,
    ),
    Mutation(
        "batches are normalised by the images of the whole group",
        "zoo/fused/forms.py",
        "mean = _by_channel(tf.reduce_mean(rows, axis=1), x.shape[-1])",
        "mean = _by_channel(tf.tile(tf.reduce_mean(rows, axis=(0, 1))[None], (x.shape[0], 1)), x.shape[-1])",
        GROUPS,
    ),
    Mutation(
        "penalties of kernels are left out",
        ENGINE,
        " + self._penalties(weights)\n",
        "\n",
        KERAS,
    ),
    Mutation(
        "Nesterov's momentum is plain momentum",
        "zoo/fused/optimizers.py",
        'moved * momentum - pull if cell.options["nesterov"] else moved',
        "moved",
        KERAS,
    ),
    Mutation(
        "weights do not decay",
        "zoo/fused/optimizers.py",
        '    cell.variable.assign_sub(cell.variable * (cell.rounded("weight_decay") * cell.rate))\n',
        "",
        KERAS,
    ),
    Mutation(
        "Adam does not correct the bias of its means",
        "zoo/fused/optimizers.py",
        'cell.rate * tf.sqrt(1 - cell.power("beta_2")) / (1 - cell.power("beta_1"))',
        "cell.rate",
        KERAS,
    ),
)
