"""Many runs in one step: the same architecture, side by side, each with its own weights, data order and dropout.

What a step computes is a plan of parts (`plan`), of no framework. The engine computes them for all runs of a group at
once: `forms` has one function a kind of part, `optimizers` one a method, `engine` the loop over steps. Another engine
would bring these three files. Importing this loads no framework.
"""

from redundancy.zoo.fused.plan import Part, Plan, planned
from redundancy.zoo.fused.sizes import group_size

__all__ = ["Part", "Plan", "group_size", "planned"]
