"""The table of bad inputs: what is sent, to which endpoint, and which problem comes back. Data only.

Each row is run by `tests/test_bad_input.py`, which also checks the problem document, that nothing changed and that no
secret comes back.
"""

import gzip
import json
from typing import Any, NamedTuple

MALFORMED, FIELDS = (400, "malformed"), (422, "invalid_fields")
NO_KEY, SCOPE, UNKNOWN = (401, "unauthenticated"), (403, "missing_scope"), (404, "not_found")
METHOD, LARGE, TYPE = (405, "method_not_allowed"), (413, "too_large"), (415, "unsupported_media_type")


class Endpoint(NamedTuple):
    """`{open}` and `{settled}` stand for holds of the caller's. `body` is a good one."""

    path: str
    body: dict[str, Any]
    keyed: bool


POSTS = {
    "authorise": Endpoint("authorisations", {"provider": "test", "model": "model", "input_tokens": 10}, True),
    "progress": Endpoint("authorisations/{open}/progress", {"seq": 1, "usage": {"output": 1}}, False),
    "settle": Endpoint("authorisations/{open}/settle", {"usage": {"output": 1}}, True),
    "release": Endpoint("authorisations/{open}/release", {}, True),
    "run budget": Endpoint("budgets/runs", {"run": "nightly", "amount": "2.50"}, False),
}
GETS = {"balance": "balance", "models": "models", "receipt": "receipts/{settled}", "limits": "limits"}

# --- Bodies that are wrong as a whole, to every POST ----------------------------------------------------------------
DEEP = 10_000
BODIES: dict[str, tuple[bytes, tuple[int, str]]] = {
    "not JSON": (b"input_tokens=1", MALFORMED),
    "cut off": (b'{"usage": {"output": 1', MALFORMED),
    "trailing garbage": (b'{"x": 1}x', MALFORMED),
    "two documents": (b"{}{}", MALFORMED),
    "byte order mark": (b"\xef\xbb\xbf{}", MALFORMED),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), MALFORMED),
    "invalid UTF-8": (b'{"run": "\xff\xfe"}', MALFORMED),
    "overlong UTF-8": (b'{"run": "\xc0\x80"}', MALFORMED),
    "raw NUL": (b'{"run": "a\x00b"}', MALFORMED),
    "NUL after the body": (b"{}\x00", MALFORMED),
    "lone surrogate": (rb'{"run": "\ud800"}', MALFORMED),
    "NaN": (b'{"input_tokens": NaN}', MALFORMED),
    "Infinity": (b'{"input_tokens": Infinity}', MALFORMED),
    "-Infinity": (b'{"input_tokens": -Infinity}', MALFORMED),
    "single quotes": (b"{'run': 'x'}", MALFORMED),
    "comment": (b"{} // done", MALFORMED),
    "nested too deep": (b'{"usage": ' + b"[" * DEEP + b"]" * DEEP + b"}", MALFORMED),
    "objects nested too deep": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, MALFORMED),
    "a list": (b"[]", FIELDS),
    "null": (b"null", FIELDS),
    "a string": (b'"usage"', FIELDS),
    "a number": (b"1", FIELDS),
    "an unknown field": (b'{"balance": "1000000"}', FIELDS),
    "a field of another tenant": (b'{"organisation_id": 2}', FIELDS),
    "too large": (b'{"run": "' + b"x" * 1_100_000 + b'"}', LARGE),
    "10 MB": (b" " * 10_000_000 + b"{}", LARGE),
    "compressed": (gzip.compress(b"{}"), MALFORMED),
}

# --- Single fields: {endpoint: {dotted field: values}}; each replaces the field of a good body ----------------------
NOT_A_COUNT: list[Any] = [
    -1, 10**30, 2**63, 2**63 - 1, -(2**63), 2_000_000_001, 1.5, 1e30, "5", "", "٥", "1_000", " 5 ", "NaN",
    True, None, [], [1], {}, {"value": 1},
]  # fmt: skip
NOT_A_LABEL: list[Any] = ["", "a\n", "a\x00b", "a\nb", "a\x1b[31mb", "\x7f", "x" * 201, 5, 1.5, True, [], {}, ["test"]]
WRONG_FIELDS: dict[str, dict[str, list[Any]]] = {
    "authorise": {
        "input_tokens": NOT_A_COUNT,
        "max_output_tokens": [0, *(v for v in NOT_A_COUNT if v is not None)],
        "min_output_tokens": [0, *NOT_A_COUNT],
        "ttl_seconds": [0, 29, 86_401, *NOT_A_COUNT],
        "provider": [*NOT_A_LABEL, None],
        "model": [*NOT_A_LABEL, None],
        "service_tier": NOT_A_LABEL,
        "project": NOT_A_LABEL,
        "agent": NOT_A_LABEL,
        "user": NOT_A_LABEL,
        "run": NOT_A_LABEL,
        "key_source": ["own", "", 1, None],
        "dispatched": [0, 1, "true", None, []],
        "input_leaves": [[], ["output"], ["input", "tea"], "input", {}, [1], [None], ["web_search"]],
        "tools": [
            {"web_search": -1}, {"web_search": 1_001}, {"web_search": 1.5}, {"web_search": "1"}, {"web_search": None},
            {"input": 1}, {"tea": 1}, {"": 1}, [], "web_search", None,
        ],
        "price": [0], "held": ["0"], "id": ["00000000-0000-4000-8000-000000000000"], "organisation": [1],
    },
    "progress": {
        "seq": [v for v in NOT_A_COUNT if v != 2_000_000_001] + [2**53 + 1],
        "usage": [{}, [], "output", None, 1, {"tea": 1}, {"": 1}, {"OUTPUT": 1}, {"output\x00": 1}],
        "usage.output": NOT_A_COUNT,
        "usage.total_tokens": [1],
        "accrued": ["0"],
    },
    "settle": {
        "usage": [{}, [], "output", None, 1, {"tea": 1}, {"": 1}, {"output": 1, "prompt_tokens": 1}],
        "usage.output": NOT_A_COUNT,
        "status": ["done", "", None, 1, "Completed"],
        "model": NOT_A_LABEL,
        "service_tier": NOT_A_LABEL,
        "cost": ["0"], "charge": [0], "posted_at": ["2020-01-01T00:00:00Z"], "revision": [1],
    },
    "release": {"usage": [{"output": 1}], "state": ["released"]},
    "run budget": {
        "run": [*NOT_A_LABEL, None],
        "amount": [
            2.5, 2, 0, -1, "-1", "", "x", "1e2", "1_0", " 1", "1 ", "1\n", "NaN", "Infinity", "٥", "+1", "1,000", ".5",
            "1.", "0.0000000001", "1" * 10, "1" * 30, None, True, [], {},
        ],
        "hard": [0, 1, "true", None, []],
        "alert_percent": [0, 101, -1, 1.5, "80", True, [], 10**30],
        "scope": ["agent"], "target": ["7"], "period": ["month"], "organisation": [1], "id": [1],
    },
}  # fmt: skip
MISSING = [
    ("authorise", "provider"), ("authorise", "model"), ("authorise", "input_tokens"), ("progress", "seq"),
    ("progress", "usage"), ("settle", "usage"), ("run budget", "run"), ("run budget", "amount"),
]  # fmt: skip

# --- Bodies of authorise that are well-formed but can't be: {name: (changed fields, problem)} -----------------------
IMPOSSIBLE: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "min above max": ({"min_output_tokens": 11, "max_output_tokens": 10}, FIELDS),
    "more input than the model takes": ({"input_tokens": 2_000_001}, FIELDS),
    "min above the model's maximum": ({"min_output_tokens": 1_000_001}, FIELDS),
    "unknown model": ({"model": "gpt-99"}, (422, "unknown_model")),
    "unknown provider": ({"provider": "nobody"}, (422, "unknown_model")),
    "model in another case": ({"model": "MODEL"}, (422, "unknown_model")),
    "SQL in a name": ({"model": "model' OR '1'='1"}, (422, "unknown_model")),
    "emoji for a model": ({"model": "🤖"}, (422, "unknown_model")),
    "model outside the plan": ({"model": "premium"}, (403, "model_not_allowed")),
    "unpriced leaf": ({"tools": {"web_search": 1}}, (422, "not_priced")),
    "unknown service tier": ({"service_tier": "priority"}, (422, "not_priced")),
    "another project": ({"project": "elsewhere"}, SCOPE),
    "another agent": ({"agent": "ghost"}, SCOPE),
    "another tenant's project": ({"project": "theirs"}, SCOPE),
}

# --- Headers, to every POST: {name: (changed headers, problem)}; None leaves a header out ---------------------------
HEADERS: dict[str, tuple[dict[str, str | None], tuple[int, str]]] = {
    "form": ({"Content-Type": "application/x-www-form-urlencoded"}, TYPE),
    "multipart": ({"Content-Type": "multipart/form-data; boundary=x"}, TYPE),
    "text": ({"Content-Type": "text/plain"}, TYPE),
    "XML": ({"Content-Type": "text/xml"}, TYPE),
    "nearly JSON": ({"Content-Type": "application/jsonx"}, TYPE),
    "no type": ({"Content-Type": ""}, TYPE),
    "says gzip": ({"Content-Encoding": "gzip"}, TYPE),
    "says br": ({"Content-Encoding": "br"}, TYPE),
    "length is no number": ({"Content-Length": "ten"}, MALFORMED),
    "length is negative": ({"Content-Length": "-1"}, MALFORMED),
    "another host": ({"Host": "evil.example"}, MALFORMED),
    "no key": ({"Authorization": None}, NO_KEY),
    "empty key": ({"Authorization": ""}, NO_KEY),
    "garbage key": ({"Authorization": "Bearer garbage"}, NO_KEY),
    "unknown key": ({"Authorization": "Bearer tb_aaaaaaaaaaaa_" + "A" * 43}, NO_KEY),
    "huge key": ({"Authorization": "Bearer tb_aaaaaaaaaaaa_" + "A" * 10_000}, NO_KEY),
    "NUL in the key": ({"Authorization": "Bearer tb_aaaaaaaaaaaa_\x00" + "A" * 42}, NO_KEY),
    "basic": ({"Authorization": "Basic YWRhOnBhc3N3b3Jk"}, NO_KEY),
    "session instead of key": ({"Authorization": None, "Cookie": "sessionid=abcdefghijklmnop"}, NO_KEY),
}
# --- Idempotency-Keys, to every POST that needs one -----------------------------------------------------------------
IDEMPOTENCY_KEYS: dict[str, str | None] = {
    "missing": None,
    "empty": "",
    "a space": " ",
    "a space within": "a b",
    "201 characters": "k" * 201,
    "256 characters": "k" * 256,
    "64 KiB": "k" * 65_536,
    "NUL": "a\x00b",
    "line break": "a\nb",
    "tab": "a\tb",
    "emoji": "🔑",
    "umlaut": "schlüssel",
    "escape": "\x1b[31m",
}
# --- Methods: {method: paths that don't take it} --------------------------------------------------------------------
_POSTED = [endpoint.path for endpoint in POSTS.values()]
METHODS: dict[str, list[str]] = {
    "GET": _POSTED,
    "HEAD": _POSTED,
    "POST": list(GETS.values()),
    **{m: [*_POSTED, *GETS.values(), "schema"] for m in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")},
}
OVERRIDES = ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"]

# --- Holds that are not the caller's to end; the test knows their ids ------------------------------------------------
HOLDS = [
    "not a uuid", "upper case", "unknown", "nil", "another tenant's", "another tenant's settled", "with a NUL",
    "with a slash", "too long",
]  # fmt: skip


def changed(body: dict[str, Any], field: str, value: Any) -> bytes:
    """A body with one (dotted) field set to `value`."""
    copy = json.loads(json.dumps(body))
    *outer, last = field.split(".")
    place = copy
    for name in outer:
        place = place[name]
    place[last] = value
    return json.dumps(copy).encode()
