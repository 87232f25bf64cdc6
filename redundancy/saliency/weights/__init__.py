"""Which single weights matter least: Optimal Brain Damage and Optimal Brain Surgeon, as mathematics on arrays."""
