"""``python -m pyinfra_pgmigrate``: the command ``pgmigrate``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
