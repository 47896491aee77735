"""Creates, reads, updates and deletes a resource with the operations of its entry.

After each change, the resource is read again, and Terraform gets the result; the plan is never echoed. Only the
attributes listed as unread may differ from the result (see `settle`).
"""

import re
from typing import Any

from botocore.exceptions import ClientError

from local.terraform_provider.cloud import Cloud
from local.terraform_provider.compare import diff, reconcile, same
from local.terraform_provider.entry import Call, Client, State, is_empty, is_unknown
from local.terraform_provider.fields import ResourceType
from local.terraform_provider.tagging import input_shape, read_tags, write_tags
from local.terraform_provider.values import find, from_aws, known, render, to_aws

_GONE = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist|^404$")


class HalfApplied(Exception):
    """A resource was created, and a later call for it failed: Terraform must remember it as tainted.

    Attributes:
        state: the known attributes of the resource.
    """

    def __init__(self, state: State) -> None:
        super().__init__("created, then a later call failed")
        self.state = state


class Resource:
    """One resource of a type at the emulator."""

    def __init__(self, kind: ResourceType, cloud: Cloud, state: State) -> None:
        self._kind = kind
        self._entry = kind.entry
        self._cloud = cloud
        self._client: Client = cloud.client(kind.entry.service, state.get("region"))

    def read(self, state: State, baseline: State) -> State | None:
        """Returns the resource as the service reports it, in the state's spelling if the meaning is equal.

        Args:
            state: its last known state.
            baseline: what the service answered for unread attributes after the last apply. While it still answers that,
                they have not drifted.

        Returns:
            None if the resource does not exist.
        """
        try:
            answer = self._read(state)
        except ClientError as error:
            if not _is_gone(error):
                raise
            return None
        if not answer:
            return None
        new = reconcile(self._kind.block, state, self._gather(state, answer))
        for name in self._entry.unread & set(baseline):
            if same(self._kind.block[name], baseline[name], new.get(name)):
                new[name] = state.get(name)
        return new

    def create(self, planned: State) -> tuple[State, State]:
        """Creates the resource.

        Returns:
            Its state and its baseline.

        Raises:
            HalfApplied: it was created but is not complete.
            ClientError: it was not created.
        """
        state = known(planned)
        params = to_aws(self._kind.block, state, self._shape(self._entry.create))
        if self._entry.send:
            params = self._entry.send(params, state, None)
        answer = self._call(self._entry.create, state, params)
        told = from_aws(self._kind.block, answer if isinstance(answer, dict) else {})
        state.update({name: value for name, value in told.items() if state.get(name) is None and value is not None})
        state["id"] = self._render(self._entry.id, state)
        try:
            for facet in self._entry.facets:
                if any(self._is_given(name, state) for name in facet.names):
                    facet.put(self._client, state, {})
            if self._entry.tags and state.get("tags_all"):
                subject = self._render(self._entry.tags.of, self._existing(state))
                write_tags(self._client, self._entry.tags, subject, {}, state["tags_all"])
            return self.settle(planned, self._existing(state))
        except Exception as error:
            raise HalfApplied(state) from error

    def update(self, prior: State, planned: State) -> tuple[State, State]:
        """Changes the resource in place.

        Returns:
            Its state and its baseline.
        """
        state = known({name: prior.get(name) if is_unknown(value) else value for name, value in planned.items()})
        changed = {name for name in diff(self._kind.block, prior, planned) if not is_unknown(planned.get(name))}
        for facet in self._entry.facets:
            if changed & facet.names:
                facet.put(self._client, state, prior)
        by_facet = {name for facet in self._entry.facets for name in facet.names}
        if self._entry.update and changed - by_facet - {"tags", "tags_all"}:
            params = to_aws(self._kind.block, state, self._shape(self._entry.update), prior)
            if self._entry.send:
                params = self._entry.send(params, state, prior)
            self._call(self._entry.update, state, params)
        if self._entry.tags:
            subject = self._render(self._entry.tags.of, state)
            write_tags(
                self._client, self._entry.tags, subject, prior.get("tags_all") or {}, state.get("tags_all") or {}
            )
        return self.settle(planned, self._existing(state))

    def delete(self, state: State) -> None:
        """Deletes the resource; a no-op if it does not exist."""
        delete = self._entry.delete
        try:
            if isinstance(delete, Call):
                self._call(delete, state, {})
            else:
                delete(self._client, state)
        except ClientError as error:
            if not _is_gone(error):
                raise

    def settle(self, planned: State, fresh: State) -> tuple[State, State]:
        """Returns the result of an apply: the values read, with planned values kept for unread attributes only.

        The emulator accepts some arguments without returning them. They are listed in the entry; what a read returns
        right after the apply is the baseline for later reads. Any other difference from the plan stays in the state,
        where Terraform reports it as the provider's error.

        Returns:
            The state and the baseline.
        """
        baseline: State = {}
        for name, field in self._kind.block.items():
            if is_unknown(planned.get(name)) or name == "id":
                continue
            if same(field, fresh.get(name), planned.get(name)):
                fresh[name] = planned.get(name)
            elif name in self._entry.unread:
                baseline[name] = fresh.get(name)
                fresh[name] = planned.get(name)
        return fresh, baseline

    def _existing(self, state: State) -> State:
        fresh = self.read(state, {})
        if fresh is None:
            raise LookupError(f"{self._kind.name} {state['id']} does not exist after it was written")
        return fresh

    def _read(self, state: State) -> Any:
        read = self._entry.read
        return self._call(read, state, {}) if isinstance(read, Call) else read(self._client, state)

    def _gather(self, state: State, answer: State) -> State:
        """All values of the resource: the answer's, the facets', the derived ones and the tags."""
        entry = self._entry
        new = from_aws(self._kind.block, answer)
        new["id"] = state["id"]
        if "region" in new:
            new["region"] = self._client.meta.region_name
        identity = " ".join([entry.id, *(entry.read.given.values() if isinstance(entry.read, Call) else ())])
        for name in new:
            if new[name] is None and f"{{{name}}}" in identity:
                new[name] = state.get(name)  # a service's answer may omit the resource's identity
        if entry.receive:
            new.update(entry.receive(answer, state, new))
        for facet in entry.facets:
            if facet.get:
                new.update(facet.get(self._client, state, answer))
        for name, template in entry.derived.items():
            new[name] = self._render(template, new)
        if entry.tags:
            new["tags_all"] = read_tags(self._client, entry.tags, self._render(entry.tags.of, new))
            new["tags"] = new["tags_all"] or None
        return new

    def _is_given(self, name: str, state: State) -> bool:
        return not is_empty(state.get(name)) and state.get(name) != self._kind.block[name].default

    def _call(self, call: Call, state: State, params: dict[str, Any]) -> Any:
        given = {name: self._render(template, state) for name, template in call.given.items()}
        members = self._shape(call).members
        for name, value in given.items():
            if isinstance(value, str) and members[name].type_name == "list":
                given[name] = [value]  # the operation takes a list of them
        answer = getattr(self._client, call.operation)(**{**params, **given})
        return find(answer, call.answer) if call.answer else answer

    def _render(self, template: str, state: State) -> Any:
        return render(template, state, self._cloud.facts)

    def _shape(self, call: Call) -> Any:
        return input_shape(self._client, call.operation)


def _is_gone(error: ClientError) -> bool:
    return bool(_GONE.search(error.response["Error"]["Code"]))
