"""`python -m redundancy`."""

import sys

from redundancy.cli import main

sys.exit(main())
