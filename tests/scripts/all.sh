#!/bin/sh
# Every flow in turn; fails with the first that does.
set -eu
for flow in smoke e2e; do
    "$(dirname "$0")/$flow.sh"
done
