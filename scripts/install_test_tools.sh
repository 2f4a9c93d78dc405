#!/usr/bin/env bash
# Installs what a few tests need beyond pip: a Chromium to open the report in, and a PostgreSQL
# server to read tables from. Where one cannot be had, those tests skip and say so.
set -u

has_chromium() {
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
        || command -v google-chrome >/dev/null
}

has_postgresql() {
    compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || command -v pg_ctl >/dev/null
}

# install PACKAGE WHAT-SKIPS
install() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing $1 ..."
        (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1") \
            >/dev/null 2>&1 || echo "$1 could not be installed; $2 will skip."
    else
        echo "No $1 found (Debian: apt-get install $1); $2 will skip."
    fi
}

has_chromium || install chromium "the report's browser tests"
has_postgresql || install postgresql "the tests of PostgreSQL tables"
