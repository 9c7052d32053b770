"""A process beside the one that measures: it is told lines and answers with JSON."""

import json
import subprocess
import sys
from typing import Any

from billing_portal.paths import repository


class Helper:
    """`python -m <module>`, until it is ended or killed."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self.process = subprocess.Popen(
            command, cwd=repository(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, line: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self) -> Any:
        """Let it finish; what it has to say."""
        said, _ = self.process.communicate()
        return json.loads(said or "null")
