"""A compacted model is compiled as the original is, and shares no state with it."""

import keras
import numpy as np
import pytest
from keras import layers

import redundancy
from redundancy.errors import LossWarning
from redundancy.frameworks.keras import read, write
from redundancy.frameworks.keras.compiling import compiled_like


def twins():
    dense = layers.Dense(4, activation="relu", name="first")
    return twinned(keras.Sequential([keras.Input((3,)), dense, layers.Dense(2, name="last")]))


def twinned(model):
    """The same with a second unit that equals the first; training parts the two."""
    kernel, bias = model.layers[0].get_weights()
    kernel[:, 1], bias[1] = kernel[:, 0], bias[0]
    model.layers[0].set_weights([kernel, bias])
    return model


class Gain(keras.metrics.Metric):
    """Counts how often it was asked, times a number that its configuration may not say."""

    def __init__(self, gain=1.0, name="gain", **rest):
        super().__init__(name=name, **rest)
        self.gain, self.total = gain, self.add_weight(initializer="zeros", name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(self.gain)

    def result(self):
        return self.total


class SaidGain(Gain):
    def get_config(self):
        return {**super().get_config(), "gain": self.gain}


class Counting(keras.losses.Loss):
    def __init__(self):
        super().__init__(name="counting")
        self.count = keras.Variable(0.0)

    def call(self, y_true, y_pred):
        return (y_true - y_pred) ** 2


class Plain(keras.losses.Loss):
    def __init__(self, power):
        super().__init__(name="plain")
        self.power = power

    def call(self, y_true, y_pred):
        return keras.ops.abs(y_true - y_pred) ** self.power


def tried(model):
    return model.evaluate(np.ones((4, 3)), np.ones((4, 2)), verbose=0)


METRICS = {
    "of Keras": lambda: keras.metrics.MeanAbsoluteError(),
    "with settings": lambda: keras.metrics.AUC(num_thresholds=7),
    "of a function without a name": lambda: keras.metrics.MeanMetricWrapper(lambda a, b: a - b, name="gap"),
    "of one's own": lambda: SaidGain(3.0),
}


@pytest.mark.parametrize("way", ["metrics", "weighted_metrics"])
@pytest.mark.parametrize("name", METRICS)
def test_a_metric_of_one_model_does_not_move_by_use_of_the_other(name, way):
    model, metric = twins(), METRICS[name]()
    model.compile("sgd", keras.losses.Huber(0.5), **{way: [metric]})
    tried(model)
    before = [variable.numpy() for variable in metric.variables]
    small = redundancy.compact(model).model
    results = tried(small)
    for variable, value in zip(metric.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    np.testing.assert_allclose(results, tried(model), rtol=1e-5)


def test_a_metric_that_cannot_be_made_again_is_left_out_and_said():
    model = twins()
    model.compile("sgd", "mse", metrics=[Gain(3.0), "mae"])
    small = write(read(model))
    with pytest.warns(LossWarning, match=r"the metric 'gain' \(Gain\) .* does not say 'gain'"):
        compiled_like(model, small)
    tried(small)
    assert list(small.get_metrics_result()) == ["loss", "mae"]


def test_metrics_by_output_are_copied_where_they_are():
    model = twins()
    model.compile("sgd", "mse", metrics={"last": [keras.metrics.MeanAbsoluteError(name="far")]})
    small = redundancy.compact(model).model
    tried(small)
    assert "far" in small.get_metrics_result()


def test_a_loss_is_copied():
    model = twins()
    model.compile("sgd", keras.losses.CategoricalCrossentropy(label_smoothing=0.5))
    small = redundancy.compact(model).model
    assert small.loss is not model.loss
    assert small.loss.get_config() == model.loss.get_config()


def test_a_loss_that_holds_nothing_is_used_by_both_where_it_cannot_be_made_again():
    model = twins()
    model.compile("sgd", Plain(4.0))
    assert redundancy.compact(model).model.loss is model.loss


def test_a_loss_that_holds_state_and_cannot_be_made_again_is_left_out_and_said():
    model = twins()
    model.compile("sgd", Counting())
    small = write(read(model))
    with pytest.warns(LossWarning, match="the loss 'counting'"):
        compiled_like(model, small)
    assert small.loss is None


def decayed(optimizer, model):
    return [v.name for v in model.trainable_variables if optimizer._use_weight_decay(v)]


def test_weights_that_are_excluded_from_decay_by_name_stay_so():
    model, optimizer = twins(), keras.optimizers.AdamW()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer, "mse")
    small = redundancy.compact(model).model
    assert decayed(small.optimizer, small) == decayed(optimizer, model) == ["kernel", "kernel"]


@pytest.mark.parametrize("scaled", [False, True])
def test_weights_that_are_excluded_from_decay_one_by_one_stay_so(scaled):
    inner = twins()
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(3, name="first")(inner(x)))
    optimizer = keras.optimizers.AdamW()
    optimizer.exclude_from_weight_decay(var_list=[inner.layers[0].kernel, model.layers[-1].bias])
    model.compile(keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer, "mse")
    small = redundancy.compact(model).model
    mine = small.optimizer.inner_optimizer if scaled else small.optimizer
    excluded = [tuple(v.shape) for v in small.trainable_variables if not mine._use_weight_decay(v)]
    assert excluded == [(3, 3), (3,)]


def trained(model, rate, scaled=False, **settings):
    """The same after six steps."""
    optimizer = keras.optimizers.Adam(rate, **settings)
    model.compile(keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer, "mse")
    for _ in range(6):
        model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    return model


def state(model):
    return [keras.ops.convert_to_numpy(variable) for variable in model.optimizer.variables]


def parted():
    """A model without redundancy."""
    dense = layers.Dense(2, activation="relu", name="first")
    return keras.Sequential([keras.Input((3,)), dense, layers.Dense(2, name="last")])


def test_an_optimizer_begins_anew():
    """Zero moments beside a count of many steps would make the first step of Adam longer than its learning rate."""
    small = redundancy.compact(twinned(trained(twins(), 0.01))).model
    before = small.layers[0].get_weights()[1]
    assert int(small.optimizer.iterations) == 0
    small.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    assert np.max(np.abs(small.layers[0].get_weights()[1] - before)) <= 0.01 * (1 + 1e-3)


@pytest.mark.parametrize("scaled", [False, True])
def test_a_schedule_goes_on(scaled):
    model = trained(twins(), keras.optimizers.schedules.ExponentialDecay(0.01, 2, 0.5), scaled)
    small = redundancy.compact(twinned(model)).model
    inner, mine = (getattr(m.optimizer, "inner_optimizer", m.optimizer) for m in (model, small))
    assert int(mine.iterations) == int(inner.iterations) == 6
    assert float(mine.learning_rate) == float(inner.learning_rate)


def test_averages_of_weights_begin_with_the_weights():
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-9, 2, 0.5)
    small = redundancy.compact(twinned(trained(twins(), schedule, use_ema=True))).model
    before = small.layers[0].get_weights()[0]
    small.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)  # which leaves the averages in the model
    np.testing.assert_allclose(small.layers[0].get_weights()[0], before, rtol=1e-5)


@pytest.mark.parametrize("scaled", [False, True])
def test_a_model_that_stays_as_it_is_keeps_its_optimizer(scaled):
    model = trained(parted(), 0.01, scaled)
    result = redundancy.compact(model)
    assert result.removals == ()
    assert all(np.array_equal(*pair) for pair in zip(state(model), state(result.model), strict=True))
