"""What is trained in these tests: every form, alone and beside others."""

from redundancy.zoo import (
    activation,
    add,
    average_pooling,
    batch_normalization,
    concatenate,
    conv,
    dense,
    dropout,
    flatten,
    global_average_pooling,
    max_pooling,
)

ARCHITECTURES = {
    "one matrix": (conv(3, (3, 1)), flatten(), dense(3)),
    "one matrix, same padding": (conv(2, 2, padding="same", use_bias=False), flatten(), dense(3, use_bias=False)),
    "plain": (conv(4, 3, activation="relu"), flatten(), dense(5, activation="tanh"), dense(3)),
    "tiles, same padding": (conv(3, (2, 3), padding="same", activation="relu"), flatten(), dense(3)),
    "pooled": (conv(3, 2, activation="relu"), max_pooling(), conv(3, 2, activation="relu"), flatten(), dense(3)),
    "dropped": (dropout(0.2), conv(4, 3, strides=2), dropout(0.5), flatten(), dense(3)),
    "normalised": (conv(3, 3), batch_normalization(momentum=0.5), activation("elu", alpha=0.5), flatten(),
                   dense(4), batch_normalization(), dense(3)),
    "every kind": (
        conv(4, (3, 1), padding="same", strides=2, use_bias=False, name="a"),
        batch_normalization(),
        activation("leaky_relu", name="left"),
        conv(4, 3, padding="same", strides=2, inputs="input", name="right"),
        add("left", "right"),
        max_pooling(2, strides=1),
        average_pooling(2, padding="same", name="mean"),
        dense(2, activation="gelu", name="pointwise"),
        concatenate("mean", "pointwise"),
        dropout(0.25),
        global_average_pooling(),
        dense(3),
    ),
}  # fmt: skip
