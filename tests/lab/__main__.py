"""Runs the lab until Ctrl-C: `python -m tests.lab [FOLDER]`."""

from __future__ import annotations

import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.lab.province import Lab


def main() -> None:
    """Starts the province, says where everything lies, and waits."""
    with tempfile.TemporaryDirectory(prefix="clearance-lab-") as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary) / "province"
        with Lab.start(folder) as lab:
            for agency in (lab.good, lab.bad):
                print(
                    f"{agency.code}: {agency.scope}  permit {agency.self_check_permit}  anchors {agency.anchors}  ports {agency.ports}"
                )
            print("Ctrl-C stops the servers.", flush=True)
            with suppress(KeyboardInterrupt):
                signal.pause()


if __name__ == "__main__":
    main()
