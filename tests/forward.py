"""A second, independent way to evaluate a network: plain NumPy in float64, written for clarity."""

import numpy as np

from redundancy.algebra import algebra_of


def forward(network, *inputs):
    """The outputs of a network for a batch of inputs; channels last."""
    values = dict(zip(network.inputs, (np.asarray(x, np.float64) for x in inputs), strict=True))
    for node in network:
        if node.kind != "input":
            weights = {name: np.asarray(array, np.float64) for name, array in node.weights.items()}
            values[node.name] = LAYERS[node.kind](node.config, weights, *(values[name] for name in node.inputs))
    outputs = tuple(values[name] for name in network.outputs)
    return outputs[0] if len(outputs) == 1 else outputs


def windows(x, size, strides, padding, fill):
    """(batch, rows, columns, channels, *size): what a window sees at each place."""
    if padding == "same":
        pads = []
        for extent, k, s in zip(x.shape[1:3], size, strides, strict=True):
            total = max((-(-extent // s) - 1) * s + k - extent, 0)
            pads.append((total // 2, total - total // 2))
        x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    seen = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))
    return seen[:, :: strides[0], :: strides[1]]


def conv(config, weights, x):
    kernel = weights["kernel"]
    if config["dilation"] != (1, 1):
        spread = [(k - 1) * d + 1 for k, d in zip(kernel.shape[:2], config["dilation"], strict=True)]
        dilated = np.zeros((*spread, *kernel.shape[2:]))
        dilated[:: config["dilation"][0], :: config["dilation"][1]] = kernel
        kernel = dilated
    seen = windows(x, kernel.shape[:2], config["strides"], config["padding"], 0.0)
    return np.einsum("brcihw,hwio->brco", seen, kernel, optimize=True) + weights.get("bias", 0.0)


def batch_normalization(config, weights, x):
    gain = weights.get("gamma", 1.0) / np.sqrt(weights["variance"] + config["epsilon"])
    return gain * (x - weights["mean"]) + weights.get("beta", 0.0)


def pooling(reduce):
    def pool(config, weights, x):
        seen = windows(x, config["pool_size"], config["strides"], config["padding"], np.nan)
        return reduce(seen, axis=(-2, -1))

    return pool


LAYERS = {
    "dense": lambda config, weights, x: x @ weights["kernel"] + weights.get("bias", 0.0),
    "conv": conv,
    "batch_normalization": batch_normalization,
    "activation": lambda config, weights, x: algebra_of(config).function(x),
    "max_pooling": pooling(np.nanmax),
    "average_pooling": pooling(np.nanmean),
    "global_max_pooling": lambda config, weights, x: x.max(axis=(1, 2)),
    "global_average_pooling": lambda config, weights, x: x.mean(axis=(1, 2)),
    "dropout": lambda config, weights, x: x,
    "flatten": lambda config, weights, x: x.reshape(len(x), -1),
    "add": lambda config, weights, *xs: sum(xs),
    "concatenate": lambda config, weights, *xs: np.concatenate(xs, axis=-1),
}
