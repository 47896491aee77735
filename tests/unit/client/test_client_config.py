import pytest

from runcast.client.config import ClientConfig, TokenConfig
from runcast.errors import ConfigurationMissing, InvalidInput

ENVIRONMENT = {
    "RUNCAST_GRAPHQL_URL": "https://x.appsync-api.eu-central-1.amazonaws.com/graphql",
    "RUNCAST_USER_POOL_CLIENT_ID": "appclient",
    "RUNCAST_REGION": "eu-central-1",
    "RUNCAST_USERNAME": "alice",
    "RUNCAST_PASSWORD": "correct horse",
}


def test_is_read_from_the_environment():
    config = ClientConfig.from_environment(ENVIRONMENT)

    assert config == ClientConfig(
        graphql_url="https://x.appsync-api.eu-central-1.amazonaws.com/graphql",
        user_pool_client_id="appclient",
        region="eu-central-1",
        username="alice",
        password="correct horse",
        user_id_claim="sub",
    )


def test_the_claim_that_names_the_user_can_be_another():
    assert ClientConfig.from_environment(ENVIRONMENT | {"RUNCAST_USER_ID_CLAIM": "email"}).user_id_claim == "email"


def test_all_that_is_missing_is_named_at_once():
    with pytest.raises(ConfigurationMissing) as caught:
        ClientConfig.from_environment({"RUNCAST_REGION": "eu-central-1", "RUNCAST_PASSWORD": ""})

    assert str(caught.value) == (
        "Set these environment variables: RUNCAST_GRAPHQL_URL, RUNCAST_USER_POOL_CLIENT_ID, RUNCAST_USERNAME, "
        "RUNCAST_PASSWORD."
    )


@pytest.mark.parametrize("url", ["example.com", "http://example.com/graphql", "http://127.0.0.1.example.com/graphql"])
def test_an_address_to_which_no_token_may_go_is_refused(url):
    with pytest.raises(InvalidInput) as caught:
        ClientConfig.from_environment(ENVIRONMENT | {"RUNCAST_GRAPHQL_URL": url})
    assert str(caught.value) == (
        f"RUNCAST_GRAPHQL_URL is {url!r}; give an address that begins with https:// (http:// is for this machine only)."
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_this_machine_needs_no_encryption(host):
    url = f"http://{host}:4566/v1/apis/x/graphql"
    assert ClientConfig.from_environment(ENVIRONMENT | {"RUNCAST_GRAPHQL_URL": url}).graphql_url == url


def test_the_password_is_not_printed():
    assert "correct horse" not in repr(ClientConfig.from_environment(ENVIRONMENT))


def test_a_token_of_another_provider_replaces_the_sign_in():
    config = TokenConfig.from_environment({**ENVIRONMENT, "RUNCAST_ID_TOKEN": "a.b.c"})

    assert (config.graphql_url, config.token()) == (ENVIRONMENT["RUNCAST_GRAPHQL_URL"], "a.b.c")


def test_a_token_goes_to_no_unsafe_address():
    with pytest.raises(InvalidInput, match="begins with https://"):
        TokenConfig("http://example.com/graphql", lambda: "a.b.c")
    with pytest.raises(ConfigurationMissing, match=r"RUNCAST_GRAPHQL_URL, RUNCAST_ID_TOKEN\.$"):
        TokenConfig.from_environment({})
