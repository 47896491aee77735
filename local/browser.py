"""Finds the browser in which pages are tested and measured."""

import shutil

from local.settings import ROOT

_PACKAGED = ROOT / ".local" / "browser" / "chromium"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class BrowserMissing(Exception):
    """There is no browser."""


def chromium() -> str:
    """Return the path of the browser that `make setup` has unpacked, or of one on the PATH.

    Raises:
        BrowserMissing: There is neither.
    """
    found = str(_PACKAGED) if _PACKAGED.exists() else next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise BrowserMissing("Run `make setup` (Linux on x86_64), or put Chromium or Google Chrome on the PATH.")
    return found
