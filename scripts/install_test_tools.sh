#!/usr/bin/env bash
# Installs what a few tests need beyond pip: a Chromium to open the report in. Where it cannot be
# had, those tests skip and say so.
set -u
if command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
    || command -v google-chrome >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the report's tests ..."
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium) \
        >/dev/null 2>&1 || echo "Chromium could not be installed; the report's browser tests will skip."
else
    echo "No Chromium found (Debian: apt-get install chromium); the report's browser tests will skip."
fi
