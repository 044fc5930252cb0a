"""A headless Chromium, driven over the WebDriver protocol, for tests of pages. Debian: chromium, chromium-driver."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
ABSENT = (
    ""
    if CHROMIUM and DRIVER
    else "no chromium with chromedriver on this machine (apt-get install chromium chromium-driver)"
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
)
TAB, ENTER = "\ue004", "\ue007"


class Browser:
    """One browser window; use it as a context."""

    def __enter__(self) -> Browser:
        self._profile = TemporaryDirectory(ignore_cleanup_errors=True)
        self._driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True)
        port = next(
            found[1] for line in self._driver.stdout if (found := re.search(r"successfully on port (\d+)", line))
        )
        self._url = f"http://127.0.0.1:{port}"
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={self._profile.name}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self._url += f"/session/{self._call('/session', capabilities={'alwaysMatch': wanted})['sessionId']}"
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._call("", method="DELETE")
        finally:
            self._driver.terminate()
            self._driver.wait(10)
            self._driver.stdout.close()
            self._profile.cleanup()

    def open(self, page: Path, width: int = 1280, height: int = 900) -> None:
        """Show a file in a window of that size."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.devtools("Emulation.setDeviceMetricsOverride", **metrics)
        self._call("/url", url=page.as_uri())

    def run(self, script: str) -> object:
        """Value that a script returns."""
        return self._call("/execute/sync", script=script, args=[])

    def press(self, *keys: str) -> None:
        """Press and release keys, as a person without a mouse does."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("/actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def messages(self) -> list[str]:
        """What the page has written to the console so far, warnings and errors of the browser included."""
        return [entry["message"] for entry in self._call("/se/log", type="browser")]

    def screenshot(self, path: Path, selector: str = "html") -> None:
        """Picture of the first element that fits, whole even where it is longer than the window."""
        box = self.run(
            f"const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            "return {x: 0, y: b.top + scrollY, width: innerWidth, height: b.height, scale: 1}"
        )
        found = self.devtools("Page.captureScreenshot", captureBeyondViewport=True, clip=box)
        path.write_bytes(base64.b64decode(found["data"]))

    def devtools(self, command: str, **params: object) -> dict:
        """A command of Chromium's own protocol."""
        return self._call("/goog/cdp/execute", cmd=command, params=params)

    def _call(self, path: str, *, method: str = "POST", **body: object) -> object:
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return json.load(answer)["value"]
