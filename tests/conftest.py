"""What all tests share: pytest's own way to test plugins, and one pinned profile for Hypothesis."""

from hypothesis import settings

from redundancy.profiles import fields

pytest_plugins = ["pytester"]

settings.register_profile("tests", **{**fields("standard"), "max_examples": 100})
settings.load_profile("tests")
