"""`python -m local.bedrock --port N` serves the scripted model until SIGTERM or Ctrl-C.

One line on standard output says that it is ready, and where.
"""

import argparse
import signal
import sys
import threading

from local.bedrock.server import HOST, create_server


def main() -> int:
    """Serve until told to stop; return the exit code, 1 if the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m local.bedrock", description="Serve the scripted model.")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    try:
        server = create_server(port)
    except OSError as error:
        print(f"The scripted model cannot listen on {HOST}:{port}: {error.strerror}.", file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        print(f"ready http://{HOST}:{server.server_port}", flush=True)
        stop.wait()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
