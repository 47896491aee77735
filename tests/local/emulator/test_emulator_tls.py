"""The same emulator answers over TLS, with a certificate that is valid for this machine only."""

import ssl
import stat
import time
from pathlib import Path

import pytest
import requests
from cryptography import x509
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from local.emulator.process import CERTIFICATE_FILE, EmulatorProcess
from tests.local.appsync_api import GraphqlApi


@pytest.fixture
def certificate(emulator: EmulatorProcess) -> Path:
    return emulator.folder / CERTIFICATE_FILE


def test_graphql_and_its_subscriptions_are_served(
    emulator: EmulatorProcess, api: GraphqlApi, certificate: Path
) -> None:
    url = api.url.replace(emulator.url, emulator.endpoint.tls_url)
    assert url.startswith("https://127.0.0.1:")
    headers = {"Authorization": api.ada.id_token}
    query = {"query": "{ whoAmI { sub } }"}
    answer = requests.post(url, json=query, headers=headers, verify=str(certificate), timeout=10).json()
    assert answer == api.post(query["query"], authorization=api.ada.id_token).json()

    trust = ssl.create_default_context(cafile=certificate)
    with connect(
        f"{url.replace('https', 'wss')}/realtime", ssl=trust, subprotocols=[Subprotocol("graphql-ws")]
    ) as socket:
        assert socket.subprotocol == "graphql-ws"


def test_without_trust_nothing_is_sent(emulator: EmulatorProcess) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(emulator.endpoint.tls_url, timeout=10)


def test_the_certificate_is_for_this_machine_alone(emulator: EmulatorProcess, certificate: Path) -> None:
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["127.0.0.1", "localhost"]
    assert found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert found.not_valid_before_utc.timestamp() < time.time() < found.not_valid_after_utc.timestamp()
    assert stat.S_IMODE((emulator.folder / "key.pem").stat().st_mode) == 0o600
