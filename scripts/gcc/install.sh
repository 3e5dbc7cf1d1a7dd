#!/bin/sh
# Install the ten GCCs whose struct layout the golden files record (Debian or
# Ubuntu, run as root). Only packages that are missing are installed.
set -eu

packages="gcc libc6-dev
gcc-i686-linux-gnu
gcc-aarch64-linux-gnu
gcc-arm-linux-gnueabihf
gcc-powerpc-linux-gnu
gcc-powerpc64-linux-gnu
gcc-s390x-linux-gnu
gcc-riscv64-linux-gnu
gcc-mips-linux-gnu
gcc-m68k-linux-gnu"

# On a machine that is not x86-64 the native gcc is not the x86_64 one.
if [ "$(dpkg --print-architecture)" != amd64 ]; then
  packages="$packages gcc-x86-64-linux-gnu"
fi

missing=
for package in $packages; do
  if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$'; then
    missing="$missing $package"
  fi
done

if [ -z "$missing" ]; then
  echo "all compilers are installed"
  exit 0
fi

apt-get update
# shellcheck disable=SC2086 # the list is meant to be split
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
