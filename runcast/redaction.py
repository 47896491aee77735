"""Removes secrets from all that leaves the process: steps, results, live messages, log lines and error responses.

The patterns are our own. Libraries that find secrets are made for scanning repositories: they take more than 100 ms to
import, read files, or guess by entropy, which also matches ids. Each pattern begins with a fixed word, and its
repetitions have a bound or end at a character that they cannot contain, so its time grows linearly with the text.

`docs/decisions/0017-redaction.md` lists what is covered and what is not.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from runcast.json_text import json_text, metadata_json, result_json
from runcast.text import shortened

logger = logging.getLogger(__name__)

REDACTED = "[redacted]"

Redact = Callable[[str, str], str]
"""A function that takes a text and the text's source, and returns the text without secrets.

The sources are `message`, `metadata`, `result`, `error`, `name`, `text`, `query` and `log`. The function must not
raise. It must be idempotent, because a text may pass it twice.
"""

# A key may begin after any character but an ASCII letter or digit: Chinese text has no blanks before it, and `\b` would
# not match there. It may also begin after an escaped line break, as in a `repr`, and after a URL-encoded character.
_START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))"
_BLANK = r"(?:\s{1,5}|%20|\+)"
_QUOTE = r"(?:\\{0,7}[\"']|%2[27])"  # escaped once or more, as in JSON within JSON; or URL-encoded
_BEGIN_BLOCK = r"-----BEGIN[A-Z0-9 +%]{2,60}-----"
_END_BLOCK = r"-----END[A-Z0-9 +%]{2,60}-----"
_NAMES = (
    r"password|passwd|passphrase|pwd|(?<!\d{12}:)secret"  # not in an ARN: arn:aws:secretsmanager:…:123456789012:secret:
    r"|(?:api|access|account|private|secret)[_-]?key"
    r"|(?:access|auth|refresh|session|security|id|api|bot)[_-]?token|authorization|credentials?|(?:set-)?cookie"
    r"|(?<=[?&\"'])token|(?<=[?&])sig"
)
_NO_VALUES = "required|optional|none|null|true|false|str|string|missing|invalid|expired|unknown|not"

# For each kind of secret: words in lower case, and a pattern. The pattern is only tried if the text contains one of the
# words, because looking for a word is a hundred times as fast as trying a pattern at each character. If the pattern has
# a group, the text that the group matches is kept.
_KINDS = (
    ("akia asia abia acca", _START + r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"),  # AWS access key ids
    ("absk", _START + r"ABSK[A-Za-z0-9+/]{40,}={0,2}"),  # Bedrock API keys
    # JWTs, cut ones too. A longer header is found by its payload, which begins with `eyJ`, too.
    ("eyj", _START + r"eyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"),
    (  # PEM blocks, and the headers and lines of one that was cut. Line breaks may be escaped or URL-encoded.
        "-----begin",
        _BEGIN_BLOCK + rf"(?:(?:[^-]|-(?!----))*{_END_BLOCK}"
        r"|(?:(?:[\s\"',|]|\\[nrt]|%0[ADad]){1,32}"
        r"(?:(?:Proc-Type|DEK-Info|Version|Comment): [^\n\\]{0,100}|(?:[A-Za-z0-9+/=]|%2[BFbf]|%3[Dd]){16,}))*)",
    ),
    ("sk-", _START + r"sk-[A-Za-z0-9_-]{20,}"),  # OpenAI, Anthropic, and others with the same format
    ("_live_ _test_", _START + r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}"),  # Stripe
    ("whsec_", _START + r"whsec_[A-Za-z0-9+/=]{20,}"),
    ("ghp_ gho_ ghu_ ghs_ ghr_", _START + r"gh[pousr]_[A-Za-z0-9]{30,}"),  # GitHub
    ("github_pat_", _START + r"github_pat_[A-Za-z0-9_]{20,}"),
    ("glpat-", _START + r"glpat-[A-Za-z0-9_-]{16,}"),  # GitLab
    ("xox", _START + r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),  # Slack
    ("xapp-", _START + r"xapp-[A-Za-z0-9-]{10,}"),
    ("hooks.slack.com", rf"({_START}hooks\.slack\.com/services/)[A-Za-z0-9/]{{10,}}"),
    ("aiza", _START + r"AIza[A-Za-z0-9_-]{30,}"),  # Google
    ("ya29.", _START + r"ya29\.[A-Za-z0-9_-]{20,}"),
    ("sg.", _START + r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),  # SendGrid
    ("npm_ hf_", _START + r"(?:npm|hf)_[A-Za-z0-9]{30,}"),  # npm, Hugging Face
    ("pypi-", _START + r"pypi-[A-Za-z0-9_-]{40,}"),
    ("dapi", _START + r"dapi[0-9a-f]{32}"),  # Databricks
    ("://", r"(://[^\s/:@\"'<>]{0,100}:)(?!\d{1,5}…)[^\s/@\"'<>…]{1,500}(?=[@…])"),  # passwords in URLs, cut ones too
    ("%3a%2f%2f", r"((?i:%3a%2f%2f)[^\s/:@%\"'<>]{0,100}(?i:%3a))(?!\d{1,5}…)[^\s/@\"'<>…]{1,500}?(?=%40|…)"),
    ("x-amz-", r"([?&]X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s\"']+"),  # presigned URLs
    (
        "basic",
        rf"({_START}(?i:basic){_BLANK})(?=[A-Za-z0-9+/]{{0,200}}[0-9+/=]|[A-Za-z0-9+/]{{1,200}}[A-Z])"
        r"[A-Za-z0-9+/]{8,}={0,2}",
    ),
    ("bearer", rf"({_START}(?i:bearer){_BLANK})(?=[A-Za-z._~+/-]{{0,4000}}[0-9])[A-Za-z0-9._~+/-]{{12,}}=*"),
    # All pairs of a Cookie header. The next pattern alone would stop at the first `;`.
    ("cookie", r"((?i:cookie):\s{0,3})[^\s\"',;=\[]+=[^\s\"',;]*(?:;\s?[^\s\"',;=]+(?:=[^\s\"',;]*)?)*"),
    # The name of a secret, an operator, and a value: `password=x`, `"api_key": "x y"`, `AccountKey=x;`, `<pwd>x</pwd>`.
    # A value in quotes ends at the same quote; another one ends at a separator.
    (
        "password passwd passphrase pwd secret key token authorization credential cookie sig=",
        rf"((?i:(?:{_NAMES}){_QUOTE}?(?:[^\S\n]{{0,20}}(?:=>|[:=：＝]{{1,2}}|%3[ad])\s{{0,3}}|>)"  # noqa: RUF001
        rf"(?:b?(?P<quote>{_QUOTE}))?+(?:(?:basic|bearer|token|digest){_BLANK})?+))"
        rf"(?!\[redacted\]|(?i:{_NO_VALUES})(?:[\s\"',;&<>{{}}()\\]|\.\s|\.?$))"
        r"(?(quote)(?:(?!(?P=quote))(?:\\.|[^\n\\…])){1,1000}"
        r"|[^\s\"',;&<>{}()\\，。；][^\s\"',;&<>，。；]+[^\s\"',;&<>{}()\\，。；])",  # noqa: RUF001
    ),
)
# Python compiles a pattern on first use and caches it, so the patterns do not delay a cold start.
_PATTERNS = tuple((tuple(words.split()), pattern) for words, pattern in _KINDS)
_WORDS = tuple({word for words, _ in _PATTERNS for word in words})
# Names are compared in lower case, without `_`, `-`, `.` and blanks. A field is secret if its name ends with one of
# `_SECRET_NAMES`, or equals one of `_SECRET_WHOLE_NAMES`.
_SECRET_NAMES = (
    "password", "passwd", "passphrase", "pwd", "secret", "secretkey", "secretaccesskey", "accesskey", "apikey",
    "accountkey", "privatekey", "accesstoken", "authtoken", "refreshtoken", "sessiontoken", "securitytoken", "idtoken",
    "apitoken", "bottoken", "bearertoken", "authorization", "credential", "credentials", "connectionstring", "cookie",
)  # fmt: skip
_SECRET_WHOLE_NAMES = frozenset(("token", "jwt", "auth"))
_WORDS_OF_A_SECRET = 3
_WIDE_OPERATORS = "：＝"  # noqa: RUF001 - Chinese and Japanese text has these between a name and its value
_UNFINISHED_MAX_CHARACTERS = 8_000
_SEPARATORS = str.maketrans("", "", "_-. ")
_NAME_MAX_CHARACTERS = 100


def redact(text: str, where: str) -> str:  # noqa: ARG001 - other functions may need the source
    """Replace all secrets that match the default patterns with `REDACTED`. See `Redact`."""
    lower = text.lower()
    if not any(map(lower.__contains__, _WORDS)):
        return text  # as most texts
    for words, pattern in _PATTERNS:
        if any(word in lower for word in words):
            text = re.sub(pattern, _replacement, text)
    return text


def redact_json(value: Any, where: str, redact_text: Redact = redact) -> Any:
    """Return plain JSON without secrets: cleans texts and keys, and replaces each value under a name such as `apiKey`.

    Args:
        value: Plain JSON.
        where: See `Redact`.
        redact_text: Removes secrets from a text.
    """
    if isinstance(value, str):
        return redact_text(value, where)
    if isinstance(value, list):
        return [redact_json(each, where, redact_text) for each in value]
    if isinstance(value, dict):
        return {
            redact_text(name, where): REDACTED
            if is_secret_name(name) and member is not None and not isinstance(member, bool)
            else redact_json(member, where, redact_text)
            for name, member in value.items()
        }
    return value


def is_secret_name(name: str) -> bool:
    """Return whether a field of this name holds a secret."""
    plain = name[-_NAME_MAX_CHARACTERS:].translate(_SEPARATORS).lower()
    return plain in _SECRET_WHOLE_NAMES or plain.endswith(_SECRET_NAMES)


_in_use: Redact = redact


def redact_with(function: Redact) -> None:
    """Remove secrets with another function, in this process and from now on. The function may call `redact`.

    Args:
        function: See `Redact`. If it raises, the exception's type is logged, and `REDACTED` replaces the whole text.
    """
    global _in_use
    _in_use = function


def clean(text: str, where: str) -> str:
    """Return a text without secrets, by the function in use. Never raises."""
    try:
        cleaned = _in_use(text, where)
        return cleaned if isinstance(cleaned, str) else REDACTED
    except Exception as error:  # noqa: BLE001 - a text that the user's function has not checked must not leave
        logger.warning("a text of the kind %s was left out: redacting it raised %s", where, type(error).__name__)
        return REDACTED


def clean_json(value: Any, where: str) -> Any:
    """Return plain JSON without secrets, by the function in use. Never raises."""
    return redact_json(value, where, clean)


def clean_metadata_text(text: str | None) -> str | None:
    """Return the JSON text of metadata without secrets, within the limits of metadata; None for None. Never raises."""
    return _clean_json_text(text, "metadata", partial(metadata_json, questions=True))


def clean_result_text(text: str | None) -> str | None:
    """Return the JSON text of a result without secrets, within the limit of results; None for None. Never raises."""
    return _clean_json_text(text, "result", result_json)


def clean_text(text: str, where: str, max_characters: int) -> str:
    """Return a text without secrets, shortened to `max_characters`. Never raises."""
    return shortened(clean(text, where), max_characters)


def _clean_json_text(text: str | None, where: str, fitting: Callable[[Any], str | None]) -> str | None:
    if text is None:
        return None
    cleaned = clean_json(json.loads(text), where)
    short = json_text(cleaned)
    return short if len(short) <= len(text) else fitting(cleaned)


def finished(text: str) -> int:
    """Return how many characters of an unfinished text can be shown. The rest may contain a secret or a part of one.

    Three things are held back: the last three words, because `api_key = x` has three; further words if the cut would
    change which secrets are found; and a PEM block without its end. If that exceeds `_UNFINISHED_MAX_CHARACTERS`, the
    whole text is shown.
    """
    end = len(text)
    for _ in range(_WORDS_OF_A_SECRET):
        end = _begin_of_last_word(text[:end])
    block = text.rfind("-----BEGIN", 0, end)
    if block >= 0 and not re.search(_END_BLOCK, text[block:end]):
        end = block
    if len(text) - end > _UNFINISHED_MAX_CHARACTERS:
        return len(text)
    whole = clean(text, "text")
    while end and whole != text and clean(text[:end], "text") + clean(text[end:], "text") != whole:
        end = min(end - 1, _begin_of_last_word(text[:end]))
    return end


def _begin_of_last_word(text: str) -> int:
    """Return where the last word begins. Secrets are ASCII, so a word ends at every other character."""
    begin = len(text.rstrip())
    while begin and ("!" <= text[begin - 1] <= "~" or text[begin - 1] in _WIDE_OPERATORS):
        begin -= 1
    return begin


def _replacement(found: re.Match[str]) -> str:
    kept = found[found.lastindex] if found.lastindex else ""
    return kept + REDACTED
