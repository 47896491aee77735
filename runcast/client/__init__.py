"""Watching runs from outside: everything a user's program needs, and nothing of what runs at AWS.

Start at `client.connect()`. `merge` puts steps in order, `watch` decides when to listen and when to ask, `connection`
keeps the live connection and `credentials` the token, `live` and `api` are the two wires, and `command` with `view` is
the command `runcast`. It needs the extra `runcast[client]`.
"""
