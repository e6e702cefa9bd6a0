"""Takes secrets out of what leaves the cluster. Pure.

A value is replaced where its name says that it is secret, in Secrets, in tokens of known forms, and
in passwords of URLs. A report is safe to attach to an issue only if nothing of this remains.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

REDACTED: Final = "REDACTED"

_SECRET_NAME: Final = re.compile(
    r"(pass(word|wd)?|secret|token|api[-_.]?key|credential|private[-_.]?key|authorization)s?$", re.I
)
_NOT_SECRET: Final = re.compile(
    r"(secret[-_.]?(name|ref|key[-_.]?ref)|passwordsecret|casecret|tlssecret|credentialssecret|"
    r"automountserviceaccounttoken|file)$",
    re.I,
)

_PATTERNS: Final = (
    # user:password@ of a URL
    (re.compile(r"(\w[\w+.-]*://)[^/\s:@]+:[^/\s@]+@"), r"\1" + REDACTED + "@"),
    # Bearer and Basic authorizations
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.I), r"\1 " + REDACTED),
    # JSON Web Tokens
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), REDACTED),
    # keys of the venue
    (re.compile(r"\b(account|master)-[A-Za-z0-9]{16,}\b"), r"\1-" + REDACTED),
    # signatures of presigned URLs
    (
        re.compile(
            r"([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|sig|token)=)[^&\s\"']+", re.I
        ),
        r"\1" + REDACTED,
    ),
    # PEM blocks
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.S),
        REDACTED,
    ),
    # password=…, "api_secret": "…" in text
    (
        re.compile(
            r"((?:password|passwd|secret|token|api[-_]?key|private[-_]?key)s?[\"']?\s*[=:]\s*[\"']?)"
            r"(?!\s)[^\s\"',;}]+",
            re.I,
        ),
        r"\1" + REDACTED,
    ),
)


def redacted(value: Any) -> Any:
    """A JSON value without its secrets.

    >>> redacted({"password": "x", "passwordFile": "/etc/p", "url": "http://u:p@host"})
    {'password': 'REDACTED', 'passwordFile': '/etc/p', 'url': 'http://REDACTED@host'}
    """
    if isinstance(value, Mapping):
        if value.get("kind") == "Secret":
            value = {key: each for key, each in value.items() if key not in ("data", "stringData")}
        if _is_variable(value):
            return dict(value) | {"value": REDACTED}
        return {key: _field(str(key), each) for key, each in value.items()}
    if isinstance(value, list):
        return [redacted(each) for each in value]
    return redacted_text(value) if isinstance(value, str) else value


def redacted_text(text: str) -> str:
    """A text, such as a log, without its secrets.

    >>> redacted_text("connecting with password=hunter2 to http://a:b@host")
    'connecting with password=REDACTED to http://REDACTED@host'
    """
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _field(name: str, value: Any) -> Any:
    if isinstance(value, str) and value and _is_secret(name):
        return REDACTED
    return redacted(value)


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _NOT_SECRET.search(name)


def _is_variable(value: Mapping[str, Any]) -> bool:
    """Whether it is an environment variable with a secret name."""
    name = value.get("name")
    return isinstance(name, str) and isinstance(value.get("value"), str) and _is_secret(name)
