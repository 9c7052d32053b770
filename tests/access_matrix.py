"""Who may do what: every route and method, for every kind of caller. Data only.

`tests/test_access.py` walks all of it with real requests. A route without a row fails there, and so does a row without
a route. A rule gives each caller an outcome; `REST` stands for all callers that it doesn't name.
"""

from typing import Any, NamedTuple

STAFF = "superuser finance support"
WRITERS = "superuser finance"
MEMBERS = "owner admin billing developer viewer"  # of the organisation whose things are asked for
STRANGER = "stranger"  # an owner, but of another organisation
KEYS = "key:calls key:read key:revoked key:expired key:foreign"
CALLERS = f"anonymous {STAFF} {MEMBERS} {STRANGER} {KEYS}".split()
REST = "*"

# outcome: (statuses, where a redirect leads; None: no redirect; "" anywhere but to signing in)
SIGN_IN = ("/accounts/login/", "/admin/login/")
OUTCOMES: dict[str, tuple[tuple[int, ...], Any]] = {
    "ok": ((200, 201), None),
    "done": ((302,), ""),
    "sign in": ((302,), SIGN_IN),
    "no key": ((401,), None),
    "scope": ((403,), None),
    "forbidden": ((403,), None),
    "hidden": ((404,), None),
    "not taken": ((405,), None),
}
ALLOWED = ("ok", "done")
Rule = dict[str, str]


class Row(NamedTuple):
    """`path` with names of the cast's things in braces; `data` is a body that would be taken, "{new}" in it a fresh id.

    `other` is for PUT, PATCH, DELETE, OPTIONS and TRACE. `signs_out`: the request ends the session it comes with.
    """

    path: str
    get: Rule
    post: Rule
    data: dict[str, Any] | None = None
    other: Rule = {REST: "not taken"}
    signs_out: bool = False


# --- Rules ----------------------------------------------------------------------------------------------------------
NOT_TAKEN: Rule = {REST: "not taken"}
PUBLIC: Rule = {REST: "ok"}
FOR_MEMBERS: Rule = {MEMBERS: "ok", f"{STAFF} {STRANGER}": "hidden", REST: "sign in"}

MANAGERS = "owner admin"
_NOT_FOR: Rule = {"billing developer viewer": "forbidden", f"{STAFF} {STRANGER}": "hidden", REST: "sign in"}
FOR_MANAGERS: Rule = {MANAGERS: "ok", **_NOT_FOR}
DONE_BY_MANAGERS: Rule = {MANAGERS: "done", **_NOT_FOR}

BY_STAFF: Rule = {STAFF: "ok", REST: "sign in"}
BY_WRITERS: Rule = {WRITERS: "ok", "support": "forbidden", REST: "sign in"}
BY_SUPERUSER: Rule = {"superuser": "ok", "finance support": "forbidden", REST: "sign in"}
DONE_BY_WRITERS: Rule = {WRITERS: "done", "support": "forbidden", REST: "sign in"}
DONE_BY_SUPERUSER: Rule = {"superuser": "done", "finance support": "forbidden", REST: "sign in"}
NOBODY_CHANGES: Rule = {STAFF: "forbidden", REST: "sign in"}
NOT_TAKEN_INSIDE: Rule = {STAFF: "not taken", REST: "sign in"}

READ_WITH_KEY: Rule = {"key:calls key:read": "ok", "key:foreign": "ok", REST: "no key"}
READ_ONLY_KEYS: Rule = {"key:read key:foreign": "ok", "key:calls": "scope", REST: "no key"}
READ_OWN_WITH_KEY: Rule = {"key:calls key:read": "ok", "key:foreign": "hidden", REST: "no key"}
OPEN_CALLS: Rule = {"key:calls": "ok", "key:read": "scope", "key:foreign": "ok", REST: "no key"}
# A revoked or expired key ends what it opened itself; another's hold is hidden from it.
END_CALLS: Rule = {
    "key:calls": "ok",
    "key:read": "scope",
    "key:foreign key:revoked key:expired": "hidden",
    REST: "no key",
}
# The API asks for the key first, then for its scope, then whether the address takes the method.
_NOT_TAKEN_READING: Rule = {"key:calls key:read key:foreign": "not taken", REST: "no key"}
_NOT_TAKEN_BY_READERS: Rule = {"key:read key:foreign": "not taken", "key:calls": "scope", REST: "no key"}
_NOT_TAKEN_OPENING: Rule = {"key:calls key:foreign": "not taken", "key:read": "scope", REST: "no key"}
_NOT_TAKEN_ENDING: Rule = {
    "key:calls key:foreign key:revoked key:expired": "not taken", "key:read": "scope", REST: "no key"
}  # fmt: skip


def _reads(path: str, rule: Rule) -> Row:
    return Row(path, rule, _NOT_TAKEN_READING, other=_NOT_TAKEN_READING)


def _ends(path: str, data: dict[str, Any]) -> Row:
    return Row(path, _NOT_TAKEN_ENDING, END_CALLS, data, other=_NOT_TAKEN_ENDING)


def _admin(path: str, get: Rule = BY_STAFF, post: Rule = NOT_TAKEN_INSIDE, **more: Any) -> Row:
    return Row(f"admin/{path}", get, post, other=NOT_TAKEN_INSIDE, **more)


def _read_only(table: str, thing: str) -> dict[str, Row]:
    """A list and a page for each row, which nobody changes."""
    return {
        f"admin/{table}/": _admin(f"{table}/"),
        f"admin/{table}/<path:object_id>/change/": _admin(
            f"{table}/{{{thing}}}/change/",
            post=NOBODY_CHANGES,
            data={"name": "Changed", "role": "owner", "amount": "1"},
        ),
    }


# --- Pages ----------------------------------------------------------------------------------------------------------
PAGES = {
    "": Row("", {STAFF: "done", f"{MEMBERS} {STRANGER}": "done", REST: "sign in"}, NOT_TAKEN),
    "o/<slug:slug>/": Row("o/ada/", FOR_MEMBERS, NOT_TAKEN),
    # Ada's is no sandbox; tests/analytics/test_simulation_controls.py has who may there.
    "o/<slug:slug>/live/": Row("o/ada/live/", FOR_MEMBERS, NOT_TAKEN),
    "o/<slug:slug>/live/stream": Row("o/ada/live/stream", FOR_MEMBERS, NOT_TAKEN),
    "o/<slug:slug>/live/simulation": Row(
        "o/ada/live/simulation",
        NOT_TAKEN,
        {f"{STAFF} {MEMBERS} {STRANGER}": "hidden", REST: "sign in"},
        {"act": "start"},
    ),
    "o/<slug:slug>/usage/": Row("o/ada/usage/", FOR_MEMBERS, NOT_TAKEN),
    "o/<slug:slug>/usage/requests": Row("o/ada/usage/requests", FOR_MEMBERS, NOT_TAKEN),
    "o/<slug:slug>/usage.csv": Row("o/ada/usage.csv", FOR_MEMBERS, NOT_TAKEN),
    "o/<slug:slug>/receipts/<uuid:hold_id>": Row("o/ada/receipts/{settled}", FOR_MEMBERS, NOT_TAKEN),
    "o/<slug:slug>/budgets/": Row("o/ada/budgets/", FOR_MEMBERS, NOT_TAKEN),
    "o/<slug:slug>/budgets/set/": Row(
        "o/ada/budgets/set/",
        FOR_MANAGERS,
        DONE_BY_MANAGERS,
        data={
            "subject": "organisation:",
            "run": "",
            "period": "total",
            "amount": "50",
            "stops": "yes",
            "alert_percent": "",
        },
    ),
    "o/<slug:slug>/budgets/<int:budget_id>/": Row(
        "o/ada/budgets/{budget}/",
        FOR_MANAGERS,
        DONE_BY_MANAGERS,
        data={"amount": "40", "stops": "yes", "alert_percent": "90"},
    ),
    "o/<slug:slug>/budgets/<int:budget_id>/end/": Row(
        "o/ada/budgets/{ending}/end/", FOR_MANAGERS, DONE_BY_MANAGERS, data={}
    ),
    "o/<slug:slug>/members/": Row("o/ada/members/", FOR_MEMBERS, NOT_TAKEN),
    "o/<slug:slug>/members/add/": Row(
        "o/ada/members/add/",
        FOR_MANAGERS,
        DONE_BY_MANAGERS,
        data={"email": "{new}@ada.example", "name": "New", "role": "viewer"},
    ),
    "o/<slug:slug>/members/<int:member_id>/": Row(
        "o/ada/members/{colleague}/", FOR_MANAGERS, DONE_BY_MANAGERS, data={"role": "developer"}
    ),
    "o/<slug:slug>/members/<int:member_id>/invite/": Row(
        "o/ada/members/{colleague}/invite/", NOT_TAKEN, DONE_BY_MANAGERS, data={}
    ),
    "o/<slug:slug>/members/<int:member_id>/remove/": Row(
        "o/ada/members/{leaver}/remove/", FOR_MANAGERS, DONE_BY_MANAGERS, data={}
    ),
    "o/<slug:slug>/keys/": Row("o/ada/keys/", FOR_MANAGERS, NOT_TAKEN),
    "o/<slug:slug>/keys/issue/": Row(
        "o/ada/keys/issue/", FOR_MANAGERS, FOR_MANAGERS, data={"form_id": "{new}", "name": "New", "days": "30"}
    ),
    "o/<slug:slug>/keys/<int:key_id>/revoke/": Row(
        "o/ada/keys/{spare_key}/revoke/", FOR_MANAGERS, DONE_BY_MANAGERS, data={}
    ),
    "api/reference/": Row("api/reference/", PUBLIC, NOT_TAKEN),
    "problems/": Row("problems/", PUBLIC, NOT_TAKEN),
    "problems/<slug:code>": Row("problems/not_found", PUBLIC, NOT_TAKEN),
    "livez": Row("livez", PUBLIC, NOT_TAKEN),
    "readyz": Row("readyz", PUBLIC, NOT_TAKEN),
}
SIGNED_IN = f"{STAFF} {MEMBERS} {STRANGER}"
RESET_KEY = r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"
ACCOUNTS = {
    "accounts/login/": Row(
        "accounts/login/", {SIGNED_IN: "done", REST: "ok"}, {SIGNED_IN: "done", REST: "ok"},
        data={"login": "owner@ada.example", "password": "wrong"},
    ),
    "accounts/logout/": Row(
        "accounts/logout/", {SIGNED_IN: "ok", REST: "sign in"}, {REST: "sign in"}, data={}, signs_out=True
    ),
    "accounts/password/change/": Row(
        "accounts/password/change/", {SIGNED_IN: "ok", REST: "sign in"}, {SIGNED_IN: "ok", REST: "sign in"},
        data={"oldpassword": "wrong", "password1": "a new one 1", "password2": "a new one 1"},
    ),
    "accounts/password/reset/": Row("accounts/password/reset/", PUBLIC, PUBLIC, data={"email": "not an address"}),
    "accounts/password/reset/done/": Row("accounts/password/reset/done/", PUBLIC, NOT_TAKEN),
    RESET_KEY: Row(
        "accounts/password/reset/key/1-wrong/", PUBLIC, PUBLIC,
        data={"password1": "a new one 1", "password2": "a new one 1"},
    ),
    "accounts/password/reset/key/done/": Row("accounts/password/reset/key/done/", PUBLIC, NOT_TAKEN),
    "accounts/inactive/": Row("accounts/inactive/", PUBLIC, NOT_TAKEN),
}  # fmt: skip

# --- The API --------------------------------------------------------------------------------------------------------
CALL = {"provider": "test", "model": "model", "input_tokens": 10, "max_output_tokens": 10}
USAGE = {"usage": {"output": 1}}
_CALL = "api/v1/authorisations/<uuid:hold_id>"
API = {
    "api/v1/authorisations": Row(
        "api/v1/authorisations", _NOT_TAKEN_OPENING, OPEN_CALLS, CALL, other=_NOT_TAKEN_OPENING
    ),
    f"{_CALL}/progress": _ends("api/v1/authorisations/{running}/progress", {"seq": 1, **USAGE}),
    f"{_CALL}/settle": _ends("api/v1/authorisations/{used}/settle", USAGE),
    f"{_CALL}/release": _ends("api/v1/authorisations/{unused}/release", {}),
    "api/v1/receipts/<uuid:hold_id>": _reads("api/v1/receipts/{settled}", READ_OWN_WITH_KEY),
    "api/v1/balance": _reads("api/v1/balance", READ_WITH_KEY),
    "api/v1/models": _reads("api/v1/models", READ_WITH_KEY),
    "api/v1/budgets": Row("api/v1/budgets", READ_ONLY_KEYS, _NOT_TAKEN_BY_READERS, other=_NOT_TAKEN_BY_READERS),
    "api/v1/budgets/runs": Row(
        "api/v1/budgets/runs",
        _NOT_TAKEN_OPENING,
        OPEN_CALLS,
        {"run": "nightly", "amount": "2.50"},
        other=_NOT_TAKEN_OPENING,
    ),
    "api/v1/limits": _reads("api/v1/limits", READ_WITH_KEY),
    "api/v1/usage": _reads("api/v1/usage", READ_WITH_KEY),
    "api/v1/schema": Row("api/v1/schema", PUBLIC, NOT_TAKEN),
}

# --- The admin ------------------------------------------------------------------------------------------------------
FORM_ID = "11111111-1111-4111-8111-111111111111"
PASSWORD = {"password": "a long new password", "again": "a long new password"}
ONE_DOOR: Rule = {f"{MEMBERS} {STRANGER}": "done", REST: "sign in"}
_APP = "admin/^(?P<app_label>organisations|wallets|plans|providers|metering)/$"
ADMIN = {
    "admin/": _admin("", post=BY_STAFF, data={}),
    "admin/login/": Row(
        "admin/login/", ONE_DOOR, ONE_DOOR, data={"username": "root@platform.example", "password": "x"}, other=ONE_DOOR
    ),
    "admin/logout/": Row(
        "admin/logout/", {STAFF: "not taken", REST: "done"}, {STAFF: "ok", REST: "done"}, data={},
        other={STAFF: "not taken", REST: "done"}, signs_out=True,
    ),
    "admin/password_change/": _admin(
        "password_change/", post=BY_STAFF,
        data={"old_password": "wrong", "new_password1": "a new one 1", "new_password2": "a new one 1"},
    ),
    "admin/password_change/done/": _admin("password_change/done/"),
    "admin/jsi18n/": _admin("jsi18n/"),
    _APP: _admin("wallets/", post=BY_STAFF, data={}),
    "admin/(?P<url>.*)$": Row(
        "admin/no/such/page/", {STAFF: "hidden", REST: "sign in"}, {STAFF: "hidden", REST: "sign in"}, data={},
        other=NOT_TAKEN_INSIDE,
    ),
    **_read_only("organisations/auditentry", "entry"),
    **_read_only("organisations/apikey", "spare_key"),
    **_read_only("organisations/member", "member"),
    **_read_only("organisations/project", "project"),
    **_read_only("organisations/agent", "agent"),
    "admin/organisations/approval/": _admin("organisations/approval/"),
    "admin/organisations/approval/<path:object_id>/change/": _admin(
        "organisations/approval/{approval}/change/", post=DONE_BY_WRITERS, data={"act": "approve"}
    ),
    **_read_only("wallets/grant", "grant"),
    **_read_only("wallets/hold", "settled"),
    **_read_only("wallets/transfer", "transfer"),
    **_read_only("wallets/verificationrun", "run"),
    **_read_only("wallets/adjustment", "adjustment"),
    **_read_only("wallets/clawback", "claw_back"),
    **_read_only("wallets/overrunclearance", "clearance"),
    "admin/wallets/adjustment/make/<int:organisation_id>/": _admin(
        "wallets/adjustment/make/{organisation}/", BY_WRITERS, DONE_BY_WRITERS,
        data={"form_id": "{new}", "act": "add", "amount": "0.5", "reason": "Wrong rate"},
    ),
    "admin/wallets/adjustment/<int:pk>/undo/": _admin(
        "wallets/adjustment/{adjustment}/undo/", BY_WRITERS, DONE_BY_WRITERS,
        data={"form_id": FORM_ID, "reason": "By mistake"},
    ),
    "admin/wallets/clawback/take/<int:lot_id>/": _admin(
        "wallets/clawback/take/{bought}/", BY_WRITERS, DONE_BY_WRITERS,
        data={"form_id": "{new}", "cause": "refund", "amount": "0.01", "reason": "Refunded"},
    ),
    "admin/wallets/clawback/<int:pk>/give-back/": _admin(
        "wallets/clawback/{claw_back}/give-back/", BY_WRITERS, DONE_BY_WRITERS, data={}
    ),
    "admin/wallets/overrunclearance/clear/<int:organisation_id>/": _admin(
        "wallets/overrunclearance/clear/{organisation}/", BY_WRITERS, DONE_BY_WRITERS,
        data={"form_id": "{new}", "reason": "Bounds were mended"},
    ),
    **_read_only("plans/plan", "plan"),
    **_read_only("plans/subscription", "organisation"),
    **_read_only("providers/provider", "provider"),
    **_read_only("providers/model", "model"),
    **_read_only("providers/rate", "rate"),
    "admin/providers/rate/import/": _admin(
        "providers/rate/import/", post=DONE_BY_WRITERS, data={"dearer_than": "20", "digest": "none"}
    ),
    "admin/providers/rate/enter/": _admin(
        "providers/rate/enter/", BY_WRITERS, DONE_BY_WRITERS,
        data={"form_id": "{new}", "model": "1", "leaf": "input", "service_tier": "standard", "class_above": "0",
              "becomes": "priced", "price": "7", "source": "agreed", "reason": "agreed"},
    ),
    **_read_only("metering/overrunalert", "alert"),
    "admin/metering/usagerecord/": _admin("metering/usagerecord/"),
    "admin/metering/usagerecord/<path:object_id>/change/": _admin(
        "metering/usagerecord/{record}/change/", {STAFF: "done", REST: "sign in"}, NOBODY_CHANGES, data={"charge": "0"}
    ),
    "admin/metering/usagerecord/receipt/<uuid:hold_id>/": _admin("metering/usagerecord/receipt/{settled}/"),
    "admin/organisations/organisation/": _admin("organisations/organisation/"),
    "admin/organisations/organisation/<path:object_id>/change/": _admin(
        "organisations/organisation/{organisation}/change/", post=DONE_BY_WRITERS,
        data={"name": "Renamed", "email": "new@ada.example", "billing_zone": "Asia/Tokyo", "initial-name": "Ada",
              "initial-email": "ada@example.com", "initial-billing_zone": "UTC"},
    ),
    "admin/organisations/organisation/<int:pk>/suspend/": _admin(
        "organisations/organisation/{ben}/suspend/", BY_WRITERS, DONE_BY_WRITERS, data={"reason": "Unpaid"}
    ),
    "admin/organisations/organisation/<int:pk>/resume/": _admin(
        "organisations/organisation/{ben}/resume/", BY_WRITERS, DONE_BY_WRITERS, data={}
    ),
    "admin/organisations/apikey/issue/<int:organisation_id>/": _admin(
        "organisations/apikey/issue/{organisation}/", BY_WRITERS, BY_WRITERS, data={"name": "new", "scopes": ["read"]}
    ),
    "admin/organisations/apikey/<int:pk>/revoke/": _admin(
        "organisations/apikey/{spare_key}/revoke/", BY_WRITERS, DONE_BY_WRITERS, data={}
    ),
    "admin/organisations/user/": _admin("organisations/user/"),
    "admin/organisations/user/<path:object_id>/change/": _admin(
        "organisations/user/{person}/change/", post=DONE_BY_SUPERUSER,
        data={"email": "person@ada.example", "name": "Renamed", "platform_role": "", "is_active": "on"},
    ),
    "admin/organisations/user/new/": _admin(
        "organisations/user/new/", BY_SUPERUSER, DONE_BY_SUPERUSER,
        data={"email": "new@platform.example", "name": "", "platform_role": "superuser", **PASSWORD},
    ),
    "admin/organisations/user/<int:pk>/password/": _admin(
        "organisations/user/{person}/password/", BY_SUPERUSER, DONE_BY_SUPERUSER, data=PASSWORD
    ),
    "admin/wallets/wallet/": _admin("wallets/wallet/"),
    "admin/wallets/wallet/<path:object_id>/change/": _admin("wallets/wallet/{organisation}/change/"),
    "admin/wallets/wallet/<int:organisation_id>/explain/": _admin("wallets/wallet/{organisation}/explain/"),
    "admin/wallets/wallet/<int:organisation_id>/give-credits/": _admin(
        "wallets/wallet/{organisation}/give-credits/", BY_WRITERS, DONE_BY_WRITERS,
        data={"form_id": FORM_ID, "kind": "paid", "amount": "5.00", "reason": "Bank transfer"},
    ),
}  # fmt: skip

MATRIX: dict[str, Row] = {**PAGES, **ACCOUNTS, **API, **ADMIN}


def outcomes(rule: Rule) -> dict[str, str]:
    """What the rule gives to each caller."""
    named = {caller: outcome for group, outcome in rule.items() if group != REST for caller in group.split()}
    return {caller: named.get(caller) or rule[REST] for caller in CALLERS}
