"""Every row of the table of bad inputs gets its problem document, changes nothing and brings no secret back."""

import json
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from common.problems import all_problems
from organisations.services import create_agent, create_project, issue_api_key, revoke_api_key
from tests import bad_input, cast
from tests.api import Api
from tests.bad_input import GETS, POSTS, UNKNOWN
from tests.factories import make_model

CODES = {kind.code: kind.status for kind in all_problems()}
PER_POST = pytest.mark.parametrize("endpoint", POSTS)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[SimpleNamespace]:
    """Ada's organisation, whose key is used, and Ben's, whose things are asked for."""
    with django_db_blocker.unblock():
        cast.fresh()
        cast.model_for_all()
        make_model({"input": "1", "output": "1"}, name="premium", access_class="premium")
        ada, ben = cast.lived_in("ada"), cast.lived_in("ben")
        create_project(organisation=ben.organisation, name="Theirs", slug="theirs")
        built = SimpleNamespace(ada=ada, ben=ben, api=Api(ada), **_keys(ada), holds=_holds(ada, ben))
        _the_good_bodies_are_taken(built)
        yield built
        cast.fresh()


def _the_good_bodies_are_taken(world: SimpleNamespace) -> None:
    """So the rows below are refused for what is wrong with them and for nothing else."""
    assert send(world, "POST", POSTS["run budget"].path, good("run budget"), {}).status_code == 200
    for ending, status in (("settle", 200), ("release", 409)):  # progress reported a cost, so it can't be released
        hold = send(world, "POST", "authorisations", good("authorise"), {"Idempotency-Key": f"good-{ending}"})
        assert hold.status_code == 201
        for endpoint, expected in (("progress", 200), (ending, status)):
            path = POSTS[endpoint].path.replace("{open}", hold.json()["id"])
            answer = send(world, "POST", path, good(endpoint), {"Idempotency-Key": f"good-{ending}-{endpoint}"})
            assert answer.status_code == expected, answer.content


def _keys(ada: Any) -> dict[str, str]:
    ghost = create_agent(project=ada.project, name="Ghost", slug="ghost")
    bound = {"organisation": ada.organisation, "project": ada.project}
    other = issue_api_key(name="other agent", scopes=["calls"], agent=ghost, **bound)
    revoked = issue_api_key(name="revoked", scopes=["calls", "read"], agent=ada.agent, **bound)
    revoke_api_key(key=revoked.key)
    return {"other_secret": other.secret, "revoked_secret": revoked.secret}


def _holds(ada: Any, ben: Any) -> dict[str, str]:
    own, theirs = Api(ada), Api(ben)
    kept, settled = (own.authorise(max_output_tokens=100).json()["id"] for _ in range(2))
    own.settle(settled, output=1)
    foreign, ended = (theirs.authorise(max_output_tokens=100).json()["id"] for _ in range(2))
    theirs.settle(ended, output=1)
    return {
        "open": kept, "settled": settled, "not a uuid": "1", "upper case": kept.upper(), "unknown": str(uuid.uuid4()),
        "nil": str(uuid.UUID(int=0)), "another tenant's": foreign, "another tenant's settled": ended,
        "with a NUL": f"{kept}%00", "with a slash": f"{kept}/", "too long": kept * 100,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_changes(world: SimpleNamespace) -> Iterator[None]:
    before = cast.contents()
    yield
    assert cast.contents() == before


def send(world: SimpleNamespace, method: str, path: str, body: Any, headers: dict[str, str | None]) -> Any:
    """A request with the caller's key, where `headers` replace or (None) leave out what would be sent."""
    sent = {"Authorization": f"Bearer {world.api.secret}", "Content-Type": "application/json", "Idempotency-Key": "new"}
    sent = {name: value for name, value in (sent | headers).items() if value is not None}
    kind, length = sent.pop("Content-Type", ""), sent.pop("Content-Length", None)
    extra = {"CONTENT_TYPE": kind} | ({"CONTENT_LENGTH": length} if length else {})
    url = f"/api/v1/{path.format(**world.holds)}"
    return Client(raise_request_exception=False).generic(method, url, body, content_type=kind, headers=sent, **extra)


def check(answer: Any, expected: tuple[int, str], *secrets: str) -> None:
    """The right status, a whole problem document of a known kind, and no secret in it."""
    text = answer.content.decode()
    assert answer.status_code == expected[0], text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = json.loads(text)
    assert (document["status"], document["code"]) == expected
    assert CODES[document["code"]] == expected[0]
    assert document["type"].endswith(f"/problems/{document['code']}")
    assert document["title"]
    for error in document.get("errors", []):
        assert error["message"]
    for secret in secrets:
        assert secret not in text
        assert secret not in str(answer.headers)


def good(endpoint: str) -> bytes:
    return json.dumps(POSTS[endpoint].body).encode()


@PER_POST
@pytest.mark.parametrize("name", bad_input.BODIES)
def test_a_body_that_is_wrong_as_a_whole(world: SimpleNamespace, endpoint: str, name: str) -> None:
    body, expected = bad_input.BODIES[name]
    check(send(world, "POST", POSTS[endpoint].path, body, {}), expected, world.api.secret)


def _fields() -> Iterator[Any]:
    for endpoint, fields in bad_input.WRONG_FIELDS.items():
        for field, values in fields.items():
            yield pytest.param(endpoint, field, values, id=f"{endpoint} {field}")


@pytest.mark.parametrize(("endpoint", "field", "values"), list(_fields()))
def test_a_field_with_a_value_that_can_not_be_used(
    world: SimpleNamespace, endpoint: str, field: str, values: list[Any]
) -> None:
    for value in values:
        body = bad_input.changed(POSTS[endpoint].body, field, value)
        answer = send(world, "POST", POSTS[endpoint].path, body, {})
        assert answer.status_code == 422, (value, answer.content)
        check(answer, bad_input.FIELDS, world.api.secret)


@pytest.mark.parametrize(("endpoint", "field"), bad_input.MISSING)
def test_a_field_that_is_missing_is_named(world: SimpleNamespace, endpoint: str, field: str) -> None:
    body = {name: value for name, value in POSTS[endpoint].body.items() if name != field}
    for sent in (json.dumps(body).encode(), b"", b"{}"):
        check(send(world, "POST", POSTS[endpoint].path, sent, {}), bad_input.FIELDS)
    answer = send(world, "POST", POSTS[endpoint].path, json.dumps(body), {})
    assert field in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("name", bad_input.IMPOSSIBLE)
def test_a_call_that_can_not_be(world: SimpleNamespace, name: str) -> None:
    fields, expected = bad_input.IMPOSSIBLE[name]
    body = json.dumps(POSTS["authorise"].body | fields)
    check(send(world, "POST", "authorisations", body, {}), expected, world.api.secret)


@PER_POST
@pytest.mark.parametrize("name", bad_input.HEADERS)
def test_a_header_that_can_not_be_used(world: SimpleNamespace, endpoint: str, name: str) -> None:
    headers, expected = bad_input.HEADERS[name]
    answer = send(world, "POST", POSTS[endpoint].path, good(endpoint), headers)
    given = (headers.get("Authorization") or "").partition(" ")[2]
    check(answer, expected, *filter(None, [world.api.secret, given]))


@pytest.mark.parametrize("path", GETS.values())
@pytest.mark.parametrize("name", [n for n, (_, expected) in bad_input.HEADERS.items() if expected == bad_input.NO_KEY])
def test_reading_needs_a_key_too(world: SimpleNamespace, path: str, name: str) -> None:
    check(send(world, "GET", path, b"", bad_input.HEADERS[name][0]), bad_input.NO_KEY, world.api.secret)


@pytest.mark.parametrize("endpoint", [name for name, endpoint in POSTS.items() if endpoint.keyed])
@pytest.mark.parametrize("name", bad_input.IDEMPOTENCY_KEYS)
def test_an_idempotency_key_that_can_not_be_used(world: SimpleNamespace, endpoint: str, name: str) -> None:
    headers = {"Idempotency-Key": bad_input.IDEMPOTENCY_KEYS[name]}
    check(send(world, "POST", POSTS[endpoint].path, good(endpoint), headers), bad_input.MALFORMED)


@pytest.mark.parametrize(("method", "path"), [(m, path) for m, paths in bad_input.METHODS.items() for path in paths])
def test_a_method_that_is_not_taken(world: SimpleNamespace, method: str, path: str) -> None:
    answer = send(world, method, path, b"{}", {})
    assert answer.status_code == 405
    assert answer.headers["Content-Type"] == "application/problem+json"
    if method != "HEAD":
        check(answer, bad_input.METHOD, world.api.secret)


@pytest.mark.parametrize("header", bad_input.OVERRIDES)
def test_a_header_does_not_change_the_method(world: SimpleNamespace, header: str) -> None:
    body = good("authorise").decode()
    check(send(world, "GET", "authorisations", body, {header: "POST"}), bad_input.METHOD)
    assert send(world, "GET", "balance", b"", {header: "DELETE"}).status_code == 200


@pytest.mark.parametrize("name", bad_input.HOLDS)
@pytest.mark.parametrize("endpoint", ["progress", "settle", "release", "receipt"])
def test_a_hold_that_is_not_the_callers(world: SimpleNamespace, endpoint: str, name: str) -> None:
    template = "receipts/{}" if endpoint == "receipt" else "authorisations/{}/" + endpoint
    path = template.format(world.holds[name])
    body = b"" if endpoint == "receipt" else good(endpoint)
    check(send(world, "GET" if endpoint == "receipt" else "POST", path, body, {}), UNKNOWN, world.api.secret)


@pytest.mark.parametrize("endpoint", ["progress", "settle", "release"])
def test_a_hold_of_another_agent_of_the_same_organisation(world: SimpleNamespace, endpoint: str) -> None:
    headers = {"Authorization": f"Bearer {world.other_secret}"}
    check(send(world, "POST", POSTS[endpoint].path, good(endpoint), headers), UNKNOWN, world.other_secret)


def test_a_receipt_of_another_agent_needs_the_scope_read(world: SimpleNamespace) -> None:
    headers = {"Authorization": f"Bearer {world.other_secret}"}
    check(send(world, "GET", "receipts/{settled}", b"", headers), UNKNOWN)
    assert send(world, "GET", "receipts/{settled}", b"", {}).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "authorisations"), *(("GET", path) for path in GETS.values())])
def test_a_revoked_key_opens_and_reads_nothing(world: SimpleNamespace, method: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {world.revoked_secret}"}
    check(send(world, method, path, good("authorise"), headers), bad_input.NO_KEY, world.revoked_secret)


@PER_POST
def test_a_revoked_key_ends_nothing_that_others_opened(world: SimpleNamespace, endpoint: str) -> None:
    headers = {"Authorization": f"Bearer {world.revoked_secret}"}
    expected = bad_input.NO_KEY if endpoint in ("authorise", "run budget") else UNKNOWN
    check(send(world, "POST", POSTS[endpoint].path, good(endpoint), headers), expected, world.revoked_secret)


def test_a_key_that_was_used_for_something_else(world: SimpleNamespace) -> None:
    reused = (409, "idempotency_key_reused")
    for endpoint in ("authorise", "settle", "release"):  # "open" authorised another body when the cast was made
        check(send(world, "POST", POSTS[endpoint].path, good(endpoint), {"Idempotency-Key": "open"}), reused)


def test_a_call_that_has_ended(world: SimpleNamespace) -> None:
    for endpoint in ("progress", "settle", "release"):
        path = POSTS[endpoint].path.replace("{open}", "{settled}")
        check(send(world, "POST", path, good(endpoint), {}), (409, "already_ended"))


@pytest.mark.parametrize(
    "path",
    [
        "nowhere",
        "authorisations/",
        "authorisations//settle",
        "../admin/",
        "balance/",
        "balance%00",
        "%2e%2e/",
        "balance.",
    ],
)
def test_an_address_that_does_not_exist(world: SimpleNamespace, path: str) -> None:
    check(send(world, "GET", path, b"", {}), UNKNOWN)


QUERIES = {
    "two organisations": "org=1&org=2",
    "another organisation": "organisation=2",
    "a filter's connector": "_connector=OR&organisation_id__gt=0",
    "everything": "limit=1000000000&offset=-1&ordering=digest",
    "a NUL": "x=%00",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_query_parameters_widen_nothing(world: SimpleNamespace, query: str) -> None:
    def figures(path: str) -> Any:
        return {k: v for k, v in send(world, "GET", path, b"", {}).json().items() if k != "as_of"}

    for path in GETS.values():
        assert figures(f"{path}?{query}") == figures(path)


def test_ten_thousand_query_parameters_are_too_many(world: SimpleNamespace) -> None:
    check(send(world, "GET", "balance?" + "&".join(["a=1"] * 10_000), b"", {}), bad_input.MALFORMED)
