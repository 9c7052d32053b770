"""API key secrets: 256 random bits, shown once; only an HMAC is kept. Pure."""

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

from django.conf import settings

_SHAPE = re.compile(r"tb_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Secret(NamedTuple):
    """`text` is what the holder gets once; `prefix` finds the row; `digest` proves the rest."""

    text: str
    prefix: str
    digest: bytes


def new_secret(form: str = "") -> Secret:
    """A fresh key: `tb_<prefix>_<43 characters>`.

    The same `form` (an id of what was sent, unique to its sender) always gives the same prefix, which is unique in the
    database: a form that is sent twice can make one key only. The secret itself is always random.
    """
    prefix = _prefix_of(form) if form else "".join(secrets.choice(_ALPHABET) for _ in range(12))
    rest = secrets.token_urlsafe(32)
    return Secret(f"tb_{prefix}_{rest}", prefix, digest(rest))


def _prefix_of(form: str) -> str:
    number = int.from_bytes(digest(f"form {form}"))
    return "".join(_ALPHABET[number // len(_ALPHABET) ** place % len(_ALPHABET)] for place in range(12))


def split(text: str) -> tuple[str, bytes] | None:
    """The prefix and digest of a presented key, None if it doesn't have the shape of one."""
    match = _SHAPE.fullmatch(text)
    return (match[1], digest(match[2])) if match else None


def digest(rest: str) -> bytes:
    """HMAC-SHA-256 under a key of its own purpose: a stolen table alone can't be used to try keys."""
    return hmac.digest(settings.API_KEY_HMAC_KEY.encode(), rest.encode(), hashlib.sha256)
