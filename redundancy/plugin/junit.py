"""Records in the JUnit file that pytest writes.

The strict schema, Jenkins' junit-10.xsd, knows no properties of a test case, and its xUnit plugin refuses a whole file
that has some. So they are properties under `junit_family=xunit1`, which is not that strict, and lines of the test
case's output under pytest's own choice, xunit2.
"""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from _pytest.junitxml import xml_key

from redundancy.report.junit import output, properties
from redundancy.report.record import Record


def add_to_junit(config: pytest.Config, report: pytest.TestReport, record: Record) -> None:
    """Adds a record to the test case of a report, before that is closed; nothing happens without a JUnit file."""
    if (xml := config.stash.get(xml_key, None)) is None:
        return
    case = xml.node_reporter(report)
    if xml.family == "xunit1":
        for name, value in properties(record):
            case.add_property(name, value)
        return
    said = ElementTree.Element("system-out")
    said.text = output(record)
    case.append(said)
