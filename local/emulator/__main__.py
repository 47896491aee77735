"""Starts the local AWS endpoint, `python -m local.emulator`, with the options below.

It runs on the interpreter that has MiniStack installed, with the repository as working directory, and takes the root
user's key from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the model server's, if it wants one, from LOCAL_MODEL_KEY.
One line on standard output says that it is ready, with its addresses, plain and over TLS; one line on standard error
says why it is not. SIGTERM or SIGINT ends it with every process it started.
"""

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

HOST = "127.0.0.1"
_GRACE_SECONDS = 1
_SAVE_SECONDS = 60
# One thread serves all requests; those that run resolvers and functions must not keep it waiting.
_THREAD_SWITCH_SECONDS = 0.0005


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until told to stop and returns the exit code."""
    parser = argparse.ArgumentParser(prog="local.emulator", description="The local AWS endpoint.")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--folder", type=Path, required=True, help="where the certificate of the TLS port goes")
    parser.add_argument("--model-url", required=True, help="OpenAI-compatible server that answers for Bedrock")
    parser.add_argument("--model-name", default="", help="the model to ask it for; by default the one by Bedrock's id")
    parser.add_argument("--function-python", required=True, help="interpreter that runs the functions")
    parser.add_argument("--keep-state", action="store_true", help="save all state in the folder at its end")
    options = parser.parse_args(arguments)
    if shutil.which("node") is None:
        return _refuse("node is not on the PATH: install Node 20 or newer, which runs the AppSync resolvers")
    if not (os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY")):
        return _refuse("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: give the root user a key")
    function_python = shutil.which(options.function_python)
    if function_python is None:
        return _refuse(f"--function-python {options.function_python} is not an executable file")
    try:
        listener = _listen(options.port)
    except OSError as error:
        return _refuse(f"port {options.port} on {HOST} cannot be used ({error.strerror}): choose another")
    # Functions run in directories of their own, and a link into an environment must stay one.
    function_python = Path(function_python).absolute()
    _set_environment(listener.getsockname()[1], options.folder, keep_state=options.keep_state)
    grace_seconds = _SAVE_SECONDS if options.keep_state else 2 * _GRACE_SECONDS
    model = options.model_url.rstrip("/"), options.model_name
    return _serve(listener, options.folder, *model, function_python, grace_seconds)


def _refuse(message: str) -> int:
    print(f"local.emulator: {message}", file=sys.stderr)
    return 1


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _serve(
    listener: socket.socket,
    folder: Path,
    model_url: str,
    model_name: str,
    function_python: Path,
    grace_seconds: float,
) -> int:
    sys.setswitchinterval(_THREAD_SWITCH_SECONDS)
    port: int = listener.getsockname()[1]
    model_key = os.environ.pop("LOCAL_MODEL_KEY", "")  # Functions inherit the environment.
    # Only now: MiniStack reads the environment when it is imported.
    from local.emulator.app import EmulatorApp
    from local.emulator.certificate import write_certificate
    from local.emulator.guard import Guard
    from local.emulator.ministack import end_workers, install
    from local.emulator.ministack_functions import UnsupportedMinistack
    from local.emulator.ministack_keys import PUBLIC_COGNITO_OPERATIONS, check_signature
    from local.emulator.ministack_models import ModelServer

    server = ModelServer(model_url, model_name, model_key)
    try:
        emulator = EmulatorApp(install(str(function_python), server), port=port, check_signature=check_signature)
    except UnsupportedMinistack as unsupported:
        return _refuse(str(unsupported))
    app = Guard(emulator, check_signature=check_signature, public_operations=PUBLIC_COGNITO_OPERATIONS)
    try:
        certificate = write_certificate(folder, HOST)
        asyncio.run(_serve_until_signal(app, listener, _listen(0), certificate, end_workers, grace_seconds))
    finally:
        end_workers()


def _set_environment(port: int, folder: Path, *, keep_state: bool) -> None:
    """MiniStack's settings. Functions inherit the environment, so that what would let them import more is taken out."""
    os.environ.pop("PYTHONPATH", None)
    os.environ.update(
        AUTH="true",
        BIND_HOST=HOST,
        MINISTACK_HOST=HOST,
        GATEWAY_PORT=str(port),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        # The pools' signing keys, in a private directory that no other emulator uses.
        STATE_DIR=str(Path(tempfile.gettempdir()) / "ministack-state"),
        LAMBDA_ASYNC_RETRY_BASE_SECONDS="1",
        PYTHONNOUSERSITE="1",
    )
    if keep_state:
        os.environ.update(PERSIST_STATE="1", S3_PERSIST="1", S3_DATA_DIR=str(folder / "s3"))
    os.environ.setdefault("LOG_LEVEL", "WARNING")


async def _serve_until_signal(
    app: object,
    plain: socket.socket,
    tls: socket.socket,
    certificate: tuple[Path, Path],
    end_workers: Callable[[], None],
    grace_seconds: float,
) -> NoReturn:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    stopping = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    config = Config()
    urls = [f"{scheme}://{HOST}:{each.getsockname()[1]}" for scheme, each in (("http", plain), ("https", tls))]
    config.insecure_bind, config.bind = [f"fd://{plain.detach()}"], [f"fd://{tls.detach()}"]
    config.certfile, config.keyfile = map(str, certificate)
    config.alpn_protocols = ["http/1.1"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = _GRACE_SECONDS
    config.loglevel = "WARNING"

    async def wait_for_signal() -> None:
        print("ready", *urls, flush=True)
        await stopping.wait()

    serving = asyncio.create_task(serve(app, config, shutdown_trigger=wait_for_signal))
    await asyncio.wait({serving, asyncio.create_task(stopping.wait())}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({serving}, timeout=grace_seconds)
    if serving.done():
        serving.result()
    # Requests and threads may still wait, for a slow model or before a retry. Nobody waits for them.
    end_workers()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
