"""The gate of a team's repository: what pyproject.toml asks of model files, as claims that pytest tests."""
