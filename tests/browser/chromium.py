"""A headless Chromium, driven through its debugging pipe: one page, a few commands, nothing on the network."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

BINARY = shutil.which("chromium")


def _pipe() -> tuple[int, int]:
    """A pipe whose ends lie above the descriptors the browser wants."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]


class Chromium:
    """One page of a browser that ends with the block.

    `log` holds what the page's console and its content security policy complained of.
    """

    def __init__(self, profile: Path, *, dark: bool = False) -> None:
        down, up = _pipe(), _pipe()

        def take_pipes() -> None:
            os.dup2(down[0], 3, inheritable=True)
            os.dup2(up[1], 4, inheritable=True)

        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        self._process = subprocess.Popen(
            [str(BINARY), *flags, scheme, f"--user-data-dir={profile}", "--window-size=1360,1500", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=take_pipes,  # noqa: PLW1509  # the pipe is expected at descriptors 3 and 4
        )
        os.close(down[0])
        os.close(up[1])
        self._out, self._in = os.fdopen(down[1], "wb", 0), os.fdopen(up[0], "rb", 0)
        self._rest, self._number, self._session = b"", 0, ""
        self.log: list[str] = []
        target = next(t for t in self._do("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self._do("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Runtime", "Log", "Page"):
            self._do(f"{domain}.enable")

    def __enter__(self) -> "Chromium":
        return self

    def __exit__(self, *exc: object) -> None:
        self._out.close()
        self._process.terminate()
        self._process.wait(10)
        self._in.close()

    def open(self, url: str) -> None:
        """Go to a page."""
        self._do("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """What an expression gives, awaited."""
        done = self._do("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(json.dumps(done["exceptionDetails"])[:500])
        return done["result"].get("value")

    def wait_for(self, condition: str, tries: int = 2000) -> None:
        """Return once an expression holds.

        Raises: RuntimeError when it never does.
        """
        for _ in range(tries):
            if self.run(f"new Promise((done) => setTimeout(() => done(Boolean({condition})), 25))"):
                return
        raise RuntimeError(f"{condition} never held; the page says {self.run('document.body.innerText')[:500]}")

    def picture(self) -> bytes:
        """The page as PNG."""
        return base64.b64decode(self._do("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def _do(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        order = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            order["sessionId"] = self._session
        self._out.write(json.dumps(order).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._number:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']}")
                return dict(said["result"])
            if said.get("method") == "Log.entryAdded":
                self.log.append(said["params"]["entry"]["text"])
            if said.get("method") == "Runtime.exceptionThrown":
                self.log.append(json.dumps(said["params"]["exceptionDetails"])[:500])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = self._in.read(65536)
            if not part:
                raise RuntimeError("the browser ended")
            self._rest += part
        said, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(said))
