"""The client: starts and watches runs from a user's program, without any code that runs on AWS.

Start at `client.connect()`. `merge` puts steps in order, and `watch` decides when to listen and when to read.
`connection` keeps the live connection open and `credentials` the token valid. `live` is the WebSocket and `api` the
HTTP side. `command` and `view` make up the command `runcast`. The client needs the extra `runcast[client]`.
"""
