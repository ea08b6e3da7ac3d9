#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: PostgreSQL, Redis, Chromium, Authlib. As root on Debian or Ubuntu from
# its packages. An ordinary user needs no PostgreSQL (Clavex fetches its own) and gets Playwright's Chromium.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Ubuntu's package of Chromium is a door to a snap, which a container cannot open; Playwright's own is used there.
is_debian() { [[ $(. /etc/os-release 2>/dev/null && echo "${ID:-}") == debian ]]; }

# Installs packages without starting the servers they bring: the tests run their own, and nobody asked for others.
apt_install() {
  local policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "$@" >&2
}

playwright_chromium() {
  tools/scripts/npm-ci.sh e2e
  (cd e2e && npx playwright install "$@" chromium >&2) || {
    echo "The tests need Chromium: sudo apt-get install chromium, or set CHROMIUM to the path of one" >&2
    exit 1
  }
}

packages=()
chromium=no
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || packages+=(postgresql)
if [[ ${1:-} != --postgresql-only ]]; then
  command -v redis-server >/dev/null || packages+=(redis-server)
  # The distribution's Python, for what the distribution installs.
  /usr/bin/python3 -c 'import authlib, requests' 2>/dev/null || packages+=(python3-authlib python3-requests)
  [[ -n ${CHROMIUM:-} || -x /usr/bin/chromium || -x /usr/bin/chromium-browser ]] || chromium=yes
fi

if [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
  if [[ $chromium == yes ]] && is_debian; then
    packages+=(chromium)
    chromium=no
  fi
  if [[ ${#packages[@]} -gt 0 ]]; then
    echo "installing ${packages[*]}" >&2
    apt_install "${packages[@]}"
  fi
  [[ $chromium == no ]] || playwright_chromium --with-deps
  exit 0
fi

needed=()
for package in "${packages[@]}"; do
  [[ $package == postgresql ]] || needed+=("$package")
done
if [[ ${#needed[@]} -gt 0 ]]; then
  echo "The tests need ${needed[*]}, and only root can install that: sudo apt-get install ${needed[*]}" >&2
  exit 1
fi
[[ $chromium == no ]] || playwright_chromium
