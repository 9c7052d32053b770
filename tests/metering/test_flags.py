"""What a record says in words stays short, whatever callers and providers name."""

import json

from metering.flags import few
from tests.api import Api
from tests.factories import Tenant, make_model
from tests.metering.figures import one


def test_flags_are_cut_in_number_and_length() -> None:
    assert few("a", "b") == ["a", "b"]
    assert few("x" * 300, "y" * 301) == ["x" * 300, "y" * 299 + "…"]
    twenty = [str(n) for n in range(20)]
    assert few(*twenty) == twenty
    assert few(*twenty, "20", "21") == [*twenty[:19], "And 3 more."]


def test_a_megabyte_of_contradictions_leaves_a_small_record(tenant: Tenant, api: Api) -> None:
    make_model({"input": "3", "output": "15"}, provider="anthropic")
    call = api.authorise(provider="anthropic", input_tokens=10, max_output_tokens=10).json()["id"]
    odd = {"cache_creation_input_tokens": 0, "cache_creation": {"ephemeral_1h_input_tokens": 1}}
    iterations = [{"type": kind, "model": "m" * 200, **odd} for kind in ("compaction", "advisor_message")] * 1500
    usage = {"input_tokens": 1, "output_tokens": 1, "iterations": iterations}
    body = json.dumps({"provider_response": {"model": "n" * 200, "usage": usage}})
    receipt = api.send("POST", f"authorisations/{call}/settle", body, key="s").json()
    assert [flag.split(" ")[0] for flag in receipt["flags"]] == ["Anthropic", "An", "The"]
    assert "1499 more times" in receipt["flags"][0]
    assert all(len(flag) <= 300 for flag in receipt["flags"])
    assert one("SELECT length(flags::text) < 1000 FROM metering_usagerecord") == (True,)
