"""Terraform's plugin protocol 6: unpacks each message, calls the code for it, and answers.

No exception may leave a handler, because Terraform would only report a broken plugin. Each becomes a diagnostic, and
the known attributes of the resource go back into the state.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import msgpack
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

from local.terraform_provider.cloud import Cloud, cloud_from
from local.terraform_provider.data_sources import data_sources
from local.terraform_provider.entry import State
from local.terraform_provider.fields import Block, to_proto
from local.terraform_provider.lifecycle import HalfApplied, Resource
from local.terraform_provider.plan import plan_change, refused_arguments, retained_blocks
from local.terraform_provider.table import resource_types

NOTICE = "This is Runcast's local provider, not hashicorp/aws"


def servicer(environment: Mapping[str, str] = os.environ) -> type:
    """The class that `tf` serves: one method for each of the protocol's messages.

    Args:
        environment: where AWS_ENDPOINT_URL and AWS_REGION are read when Terraform configures the provider.
    """
    provider = Provider(environment)
    handlers = {
        "GetProviderSchema": (pb.GetProviderSchema.Response, provider.schema),
        "ValidateProviderConfig": (pb.ValidateProviderConfig.Response, provider.nothing),
        "ValidateResourceConfig": (pb.ValidateResourceConfig.Response, provider.validate_resource),
        "ValidateDataResourceConfig": (pb.ValidateDataResourceConfig.Response, provider.validate_data_source),
        "ConfigureProvider": (pb.ConfigureProvider.Response, provider.configure),
        "UpgradeResourceState": (pb.UpgradeResourceState.Response, provider.upgrade),
        "ReadResource": (pb.ReadResource.Response, provider.read),
        "PlanResourceChange": (pb.PlanResourceChange.Response, provider.plan),
        "ApplyResourceChange": (pb.ApplyResourceChange.Response, provider.apply),
        "ReadDataSource": (pb.ReadDataSource.Response, provider.read_data_source),
        "StopProvider": (pb.StopProvider.Response, provider.nothing),
    }
    methods = {name: _guarded(response, handler) for name, (response, handler) in handlers.items()}
    return type("Servicer", (rpc.ProviderServicer,), {"__init__": lambda _self, _app: None, **methods})


class Provider:
    """The handlers. Each takes a request and returns the fields of its response."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._resources = resource_types()
        self._data_sources = data_sources()
        self._configured: Cloud | None = None

    def nothing(self, _request: Any) -> dict[str, Any]:
        """Answers a message that asks for nothing."""
        return {}

    def schema(self, _request: Any) -> dict[str, Any]:
        """Gives the argument names. The provider itself takes no arguments: it is configured from the environment."""
        return {
            # Terraform may remember this answer when it starts the provider again within one command.
            "server_capabilities": pb.ServerCapabilities(get_provider_schema_optional=True),
            "provider": pb.Schema(block=pb.Schema.Block()),
            "resource_schemas": {name: pb.Schema(block=to_proto(kind.block)) for name, kind in self._resources.items()},
            "data_source_schemas": {
                name: pb.Schema(block=to_proto(source.block)) for name, source in self._data_sources.items()
            },
        }

    def validate_resource(self, request: Any) -> dict[str, Any]:
        """Refuses arguments that are not carried."""
        kind = self._resources[request.type_name]
        return {"diagnostics": _refusals(request, kind.block, kind.entry.only)}

    def validate_data_source(self, request: Any) -> dict[str, Any]:
        """Refuses arguments that are not carried."""
        return {"diagnostics": _refusals(request, self._data_sources[request.type_name].block, {})}

    def configure(self, _request: Any) -> dict[str, Any]:
        """Finds the emulator, and says in every plan that this is not the real provider."""
        self._configured = cloud_from(self._environment)
        detail = (
            f"Everything below happens at {self._configured.endpoint}; nothing of it says that AWS would accept it."
        )
        return {"diagnostics": [_diagnostic(NOTICE, detail, severity=pb.Diagnostic.WARNING)]}

    def upgrade(self, request: Any) -> dict[str, Any]:
        """Puts a stored state into the words of this schema: a missing name is null, a foreign one is dropped."""
        stored = json.loads(request.raw_state.json)
        return {"upgraded_state": pack(_conform(self._resources[request.type_name].block, stored))}

    def read(self, request: Any) -> dict[str, Any]:
        """Reads a resource."""
        state = unpack(request.current_state)
        baseline = json.loads(request.private or b"{}")
        return {"new_state": pack(self._resource(request, state).read(state, baseline)), "private": request.private}

    def plan(self, request: Any) -> dict[str, Any]:
        """Plans a change; a deletion is planned by Terraform alone."""
        planned = unpack(request.proposed_new_state)
        if planned is None:
            return {"planned_state": request.proposed_new_state, "planned_private": request.prior_private}
        kind = self._resources[request.type_name]
        config, prior = unpack(request.config), unpack(request.prior_state)
        replaced = plan_change(kind, config, prior, planned, self._cloud.facts)
        return {
            "planned_state": pack(planned),
            "planned_private": request.prior_private,
            "requires_replace": [_path(name) for name in replaced],
            "legacy_type_system": bool(retained_blocks(kind.block, config, prior)),
        }

    def apply(self, request: Any) -> dict[str, Any]:
        """Creates, updates or deletes. On failure Terraform keeps what there was, or what was half made."""
        prior, planned = unpack(request.prior_state), unpack(request.planned_state)
        resource = self._resource(request, planned or prior)
        try:
            if planned is None:
                resource.delete(prior)
                return {"new_state": pack(None)}
            state, baseline = resource.update(prior, planned) if prior else resource.create(planned)
        except HalfApplied as error:
            return {"new_state": pack(error.state), "diagnostics": [_failure(request, error.__cause__ or error)]}
        except Exception as error:  # noqa: BLE001 - after any error, Terraform needs the state
            return {
                "new_state": request.prior_state,
                "private": request.planned_private,
                "diagnostics": [_failure(request, error)],
            }
        return {"new_state": pack(state), "private": json.dumps(baseline).encode()}

    def read_data_source(self, request: Any) -> dict[str, Any]:
        """Reads a data source."""
        config = unpack(request.config)
        return {"state": pack({**config, **self._data_sources[request.type_name].read(self._cloud, config)})}

    @property
    def _cloud(self) -> Cloud:
        if self._configured is None:
            raise RuntimeError("Terraform has not configured the provider")
        return self._configured

    def _resource(self, request: Any, state: State) -> Resource:
        return Resource(self._resources[request.type_name], self._cloud, state)


def unpack(value: Any) -> Any:
    """A protocol value as Python's; unknown values are MessagePack extensions."""
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def pack(value: Any) -> Any:
    """A Python value as the protocol's."""
    return pb.DynamicValue(msgpack=msgpack.packb(value, use_bin_type=True))


def _guarded(response: Any, handler: Callable[[Any], dict[str, Any]]) -> Callable[[Any, Any, Any], Any]:
    def handle(_self: Any, request: Any, _context: Any) -> Any:
        try:
            return response(**handler(request))
        except Exception as error:  # noqa: BLE001 - any error must reach Terraform
            return response(diagnostics=[_failure(request, error)])

    return handle


def _refusals(request: Any, block: Block, only: Mapping[str, object]) -> list[Any]:
    found = refused_arguments(block, unpack(request.config), only)
    return [
        _diagnostic(f"{request.type_name}: {path} is not carried", f"{path}: {reason}.", path=path)
        for path, reason in found
    ]


def _failure(request: Any, error: BaseException) -> Any:
    where = getattr(request, "type_name", "") or "local provider"
    return _diagnostic(f"{where}: {type(error).__name__}", str(error))


def _diagnostic(summary: str, detail: str, *, severity: Any = pb.Diagnostic.ERROR, path: str = "") -> Any:
    attribute = _path(path.partition(".")[0]) if path else None
    return pb.Diagnostic(severity=severity, summary=summary, detail=detail, attribute=attribute)


def _path(name: str) -> Any:
    return pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)])


def _conform(block: Block, stored: State) -> State:
    state: State = {}
    for name, field in block.items():
        value = stored.get(name)
        if value is None:
            state[name] = field.null
        elif field.type is None and field.nesting != "SINGLE":
            state[name] = [_conform(field.block, item) for item in value]
        else:
            state[name] = value
    return state
