"""Cognito user pools and their clients."""

from local.terraform_provider.entry import Call, Client, Entry, Facet, State, Tagging, words

# Every pool has these; a pool's answer lists them beside its own attributes.
STANDARD_ATTRIBUTES = words(
    "address birthdate email email_verified family_name gender given_name locale middle_name name nickname phone_number"
    " phone_number_verified picture preferred_username profile sub updated_at website zoneinfo"
)


def _receive(_answer: State, state: State, new: State) -> State:
    """Leaves out undeclared standard attributes, and the prefix of custom attributes."""
    declared = {block["name"]: block for block in state.get("schema") or []}
    attributes = []
    for block in new["schema"]:
        if block["name"] in STANDARD_ATTRIBUTES and block["name"] not in declared:
            continue
        block["name"] = block["name"].removeprefix("custom:")
        if not declared.get(block["name"], {}).get("string_attribute_constraints"):
            block["string_attribute_constraints"] = []  # the service fills them in
        attributes.append(block)
    return {"schema": attributes}


def _put_attributes(_client: Client, _state: State, prior: State) -> None:
    if prior:  # create_user_pool has taken them already
        raise ValueError("the local provider does not change the attributes of an existing user pool: destroy it first")


def _put_mfa(client: Client, state: State, _prior: State) -> None:
    enabled = [block["enabled"] for block in state["software_token_mfa_configuration"]]
    client.set_user_pool_mfa_config(
        UserPoolId=state["id"],
        MfaConfiguration=state["mfa_configuration"],
        SoftwareTokenMfaConfiguration={"Enabled": any(enabled)},
    )


def _get_mfa(client: Client, state: State, _answer: State) -> State:
    told = client.get_user_pool_mfa_config(UserPoolId=state["id"])
    by_app = told.get("SoftwareTokenMfaConfiguration", {}).get("Enabled", False)
    return {
        "mfa_configuration": told["MfaConfiguration"],
        "software_token_mfa_configuration": [{"enabled": True}] if by_app else [],
    }


POOL = {"UserPoolId": "{id}"}
CLIENT = {"UserPoolId": "{user_pool_id}", "ClientId": "{id}"}

ENTRIES = {
    "aws_cognito_user_pool": Entry(
        service="cognito-idp",
        create=Call("create_user_pool", "UserPool"),
        read=Call("describe_user_pool", "UserPool", POOL),
        update=Call("update_user_pool", given=POOL),
        delete=Call("delete_user_pool", given=POOL),
        id="{id}",
        rename={"name": "PoolName", "password_policy": "Policies.PasswordPolicy"},
        read_as={"id": "Id", "name": "Name", "schema": "SchemaAttributes"},
        refused=words(
            "device_configuration email_configuration email_mfa_configuration email_verification_message"
            " email_verification_subject lambda_config sign_in_policy sms_authentication_message sms_configuration"
            " sms_verification_message user_attribute_update_settings user_pool_add_ons"
            " verification_message_template web_authn_configuration"
            " admin_create_user_config.invite_message_template alias_attributes schema.number_attribute_constraints"
        ),
        defaults={
            "mfa_configuration": "OFF",
            "deletion_protection": "INACTIVE",
            "user_pool_tier": "ESSENTIALS",
            "schema.developer_only_attribute": False,
            "schema.mutable": False,
            "schema.required": False,
        },
        sets=words("account_recovery_setting.recovery_mechanism auto_verified_attributes schema username_attributes"),
        retained=words("account_recovery_setting"),
        undeclared=words("account_recovery_setting admin_create_user_config password_policy username_configuration"),
        unread=words("name"),  # the emulator does not rename a pool
        forces=words("username_attributes username_configuration"),
        volatile={"last_modified_date": frozenset()},
        derived={"endpoint": "cognito-idp.{region}.amazonaws.com/{id}"},
        receive=_receive,
        by_hook=words(
            "mfa_configuration"
        ),  # Cognito refuses a new pool with a second factor that is not configured yet
        facets=(
            Facet(words("schema"), _put_attributes),
            Facet(words("mfa_configuration software_token_mfa_configuration"), _put_mfa, _get_mfa),
        ),
        tags=Tagging(),
    ),
    "aws_cognito_user_pool_client": Entry(
        service="cognito-idp",
        create=Call("create_user_pool_client", "UserPoolClient"),
        read=Call("describe_user_pool_client", "UserPoolClient", CLIENT),
        update=Call("update_user_pool_client", given=CLIENT),
        delete=Call("delete_user_pool_client", given=CLIENT),
        id="{id}",
        rename={"name": "ClientName"},
        read_as={"id": "ClientId"},
        refused=words(
            "allowed_oauth_flows allowed_oauth_flows_user_pool_client allowed_oauth_scopes analytics_configuration"
            " callback_urls default_redirect_uri enable_propagate_additional_user_context_data"
            " logout_urls refresh_token_rotation"
        ),
        only={"generate_secret": False},
        defaults={
            "token_validity_units.access_token": "hours",
            "token_validity_units.id_token": "hours",
            "token_validity_units.refresh_token": "days",
        },
        sets=words("explicit_auth_flows read_attributes supported_identity_providers write_attributes"),
        undeclared=words("token_validity_units"),
        forces=words("user_pool_id"),
        sensitive=words("client_secret"),
    ),
}
