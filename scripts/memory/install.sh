#!/bin/sh
# Install what the golden dumps of fixtures/memory were made with (Debian or Ubuntu, run as root). Only packages
# that are missing are installed.
set -eu

packages="makedumpfile crash binutils liblzo2-2 libsnappy1v5 libzstd1 python3"

missing=
for package in $packages; do
  if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$'; then
    missing="$missing $package"
  fi
done

if [ -z "$missing" ]; then
  echo "everything is installed"
  exit 0
fi

apt-get update
# shellcheck disable=SC2086 # the list is meant to be split
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
