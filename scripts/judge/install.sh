#!/bin/sh
# Install what the second judge is built with and asks (Debian or Ubuntu, run as
# root): GCC, libfdt, and fdtdump.
set -eu

apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
  gcc libc6-dev libfdt-dev device-tree-compiler
