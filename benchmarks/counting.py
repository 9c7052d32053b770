"""How many statements each page sends to the database: `python -m benchmarks.counting < WORDS`, as JSON.

In this process through Django's test client, since a running web process doesn't tell.
"""

import json
import sys

import django


def main() -> None:
    django.setup()
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from benchmarks.addresses import ADDRESSES, headers

    words = json.load(sys.stdin)
    client, counts = Client(headers={"Host": "127.0.0.1"}), {}
    for name, (who, path) in ADDRESSES.items():
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path.format(**words), headers={**headers(words, who), "Host": "127.0.0.1"})
        if answer.status_code != 200:
            raise RuntimeError(f"{name} answered {answer.status_code}")
        counts[name] = len(queries)
    json.dump(counts, sys.stdout)


if __name__ == "__main__":
    main()
