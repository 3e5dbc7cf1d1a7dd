#!/bin/sh
# Install the judges of device trees (Debian or Ubuntu, run as root): dtc and
# fdtdump, and libfdt for Python, which make-goldens.mjs drives.
set -eu

apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
  device-tree-compiler python3-libfdt python3
