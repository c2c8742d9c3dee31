"""``python -m neuralsampleid.cli`` is ``nsid``."""

import sys

from neuralsampleid.cli import main

if __name__ == "__main__":
    sys.exit(main())
