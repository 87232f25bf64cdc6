"""The command line, called as a function: what it answers, and its errors."""

from redundancy import cli


def called(capsys, *arguments):
    """Exit code, output, errors."""
    try:
        code = cli.main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        code = stopped.code
    return code, *capsys.readouterr()


def refused(outcome):
    """The one line of an error, which is all that was said."""
    code, out, err = outcome
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("redundancy: error: ")
    return line
