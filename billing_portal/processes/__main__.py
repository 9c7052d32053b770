"""`python -m billing_portal.processes` starts everything."""

import sys

from billing_portal.processes.start import main

sys.exit(main())
