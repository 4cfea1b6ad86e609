#!/usr/bin/env bash
# with_peers.sh PROGRAM [ARGS...]: runs a test that compares with Python libraries, with the programs of the environment that GROVE_PEERS
# names before all others in PATH. Without one the test says so and counts as skipped (exit code 77).
set -euo pipefail
if [ ! -x "${GROVE_PEERS:-}/bin/python" ]; then
  echo "skipped: set GROVE_PEERS to a Python environment (a folder with bin/python) that has torch, transformers, peft, datasets, tensorboard"
  exit 77
fi
export PATH=$GROVE_PEERS/bin:$PATH
exec "$@"
