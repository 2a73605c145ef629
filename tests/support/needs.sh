#!/usr/bin/env bash
# What the tests need beyond Python packages: a browser, curl and a database server, from Debian. Installs them as root,
# else says which packages are missing; CI fails without them, elsewhere their tests are skipped and say so.
set -euo pipefail

missing=()
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing+=(chromium)
command -v curl >/dev/null || missing+=(curl)
command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "make: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  install() { apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; }
  install 2>/dev/null || { apt-get update -qq && install; }
else
  echo "make: install these packages to run every test: ${missing[*]}" >&2
  [ "${CI:-}" != true ]
fi
