"""The check of attachments: a file reaches an agent through the bucket, and no other user can name it."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from runcast.client.upload import send_file
from runcast.errors import InvalidInput
from verify.expecting import CheckFailed, NotApplicable, expect
from verify.verification import Verification

FILE_NAME = "runcast-verify"
"""The name of the uploaded file."""

# A grey square of 8 x 8 pixels.
_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAADklEQVR42mNogAIGyhgAgIQgARDoahcAAAAASUVORK5CYII="
)


async def uploads(v: Verification) -> str:
    """A run is given a file that its user has uploaded; a user of another tenant cannot name this file."""
    answer = await v.graphql(v.user, "listAgents", {})
    agents = [each["name"] for each in answer["data"]["listAgents"]["agents"] if each["attachments"]]
    if not agents:
        raise NotApplicable("no agent takes attachments")
    agent = v.wanted.agent if v.wanted.agent in agents else agents[0]
    upload = await v.user.api.create_upload(f"{FILE_NAME}.png", "image/png", len(_PICTURE))
    v.created.object_keys.add(upload.fields["key"])
    with TemporaryDirectory() as folder:
        path = Path(folder, f"{FILE_NAME}.png")
        path.write_bytes(_PICTURE)
        await send_file(upload, path)

    start = partial(v.user.api.start_agent_run, agent, v.wanted.query, parameters=None)
    await start(request_id=(request_id := v.new_run_id()), attachments=[upload.attachment_id])
    try:
        foreign = await v.stranger.api.start_agent_run(
            agent, v.wanted.query, parameters=None, request_id=v.new_run_id(), attachments=[upload.attachment_id]
        )
    except InvalidInput:
        pass
    else:
        raise CheckFailed(f"a stranger may attach the user's file: {foreign}")
    progress = await v.read_to_its_end(request_id, seconds=180)
    expect(progress.status == "complete", f"the run of {agent} ended as {progress.status}: {progress.error}")
    return f"{agent} was given {len(_PICTURE)} bytes; a stranger was refused"
