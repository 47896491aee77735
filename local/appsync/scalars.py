"""AppSync's scalars: the values that clients may send, and those that they receive.

Parsing returns the value for a resolver; encoding returns the value for the answer. AWSJSON changes values both ways:
its input is parsed, and its output is always encoded, so text is encoded again. The answers of AppSync's own simulator
are recorded beside the tests. If its guide differs from the simulator, the code follows the guide.

Source: https://docs.aws.amazon.com/appsync/latest/devguide/scalars.html
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_interface
from typing import Any
from urllib.parse import urlsplit

from graphql import GraphQLError, GraphQLInt, ValueNode, value_from_ast_untyped

_DATE = r"(?P<date>\d{4}-\d{2}-\d{2})"
_TIME = r"(?P<time>\d{2}:\d{2}:\d{2})(?P<fraction>\.\d+)?"
_OFFSET = r"(?P<offset>Z|[+-]\d{2}:\d{2}(?::\d{2})?)"
_MOMENTS = {
    "AWSDate": re.compile(f"{_DATE}{_OFFSET}?"),
    "AWSTime": re.compile(f"{_TIME}{_OFFSET}?"),
    "AWSDateTime": re.compile(f"{_DATE}T{_TIME}{_OFFSET}"),
}
# Source: https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
# A number of the North American Numbering Plan, or an international one of another country.
_PHONE = re.compile(r"(?:\+?1)?[2-9]\d{2}[2-9]\d{6}|\+[2-9]\d{6,14}")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21}


def install_scalars(types: Mapping[str, Any]) -> None:
    """Makes the scalars among a schema's types convert values as AppSync does."""
    for name, (encode, parse) in _SCALARS.items():
        types[name].serialize = partial(_converted, encode, f"Unable to serialize `%s` as a valid {name}.")
        types[name].parse_value = partial(_converted, parse, f"Unable to parse `%s` as valid {name}.")
        types[name].parse_literal = partial(_parse_literal, types[name].parse_value)


def _parse_literal(parse_value: Callable[[Any], Any], node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    return parse_value(value_from_ast_untyped(node, variables))


def _converted(convert: Callable[[Any], Any], refusal: str, value: Any) -> Any:
    try:
        return convert(value)
    except (ValueError, TypeError, AttributeError, GraphQLError) as error:
        raise GraphQLError(refusal % (value,)) from error


def _encode_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parse_json(text: str) -> Any:
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON, although Python reads it.")


def _parse_moment(scalar: str, value: Any) -> Any:
    _moment(scalar, value)
    return value


def _encode_moment(scalar: str, value: Any) -> Any:
    """AWSDate as it is; the others in UTC, a number of AWSDateTime being Unix time."""
    if scalar == "AWSDateTime" and isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(GraphQLInt.parse_value(int(value)) + value % 1, UTC).strftime(
            f"%Y-%m-%dT%H:%M:%S.{round(value % 1 * 1000):03}Z"
        )
    parts, moment = _moment(scalar, value)
    if scalar == "AWSDate" or parts["offset"] in (None, "Z"):
        return value
    format_of_it = "%H:%M:%S" if scalar == "AWSTime" else "%Y-%m-%dT%H:%M:%S"
    return f"{moment.astimezone(UTC).strftime(format_of_it)}{parts['fraction'] or ''}Z"


def _moment(scalar: str, value: str) -> tuple[dict[str, str | None], datetime]:
    match = _MOMENTS[scalar].fullmatch(value)
    if match is None:
        raise ValueError(value)
    parts = {"date": "2000-01-01", "time": "00:00:00", **match.groupdict()}
    return parts, datetime.fromisoformat(f"{parts['date']}T{parts['time']}{parts['offset'] or ''}")


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value):
        raise ValueError(value)
    return value


def _phone(value: str) -> str:
    if not _PHONE.fullmatch(value.replace(" ", "").replace("-", "")):
        raise ValueError(value)
    return value


def _ip_address(value: str) -> str:
    ip_interface(value.strip())  # refuses what is no text by having no strip()
    return value


def _url(value: str) -> str:
    """The URL in its normal form: scheme and host in lower case, no default port, and a path."""
    url = urlsplit(value)
    if not url.scheme or "//" in url.path or " " in value:
        raise ValueError(value)
    if url.scheme not in _DEFAULT_PORTS:
        return url.geturl()
    if not url.hostname:
        raise ValueError(value)
    host = url.netloc.lower().removesuffix(f":{_DEFAULT_PORTS[url.scheme]}")
    return url._replace(netloc=host, path=url.path or "/").geturl()


_SCALARS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "AWSJSON": (_encode_json, _parse_json),
    "AWSTimestamp": (GraphQLInt.serialize, GraphQLInt.parse_value),
    **{name: (partial(_encode_moment, name), partial(_parse_moment, name)) for name in _MOMENTS},
    "AWSEmail": (_email, _email),
    "AWSPhone": (_phone, _phone),
    "AWSURL": (_url, _url),
    "AWSIPAddress": (_ip_address, _ip_address),
}
