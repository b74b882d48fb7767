#!/usr/bin/env bash
# Makes the virtual environment named by the first argument, with exactly the locked dependencies and this project.
set -euo pipefail
venv=$1
for python in python3.11 python3; do
  command -v "$python" >/dev/null 2>&1 && break
done
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed" >&2; exit 2; }
echo "Preparing $venv"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements/build.txt
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --require-hashes --no-build-isolation -r requirements/dev.txt
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
