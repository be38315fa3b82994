#!/bin/sh
# Installs or upgrades webhost-sync from the folder in which this script lies (a wheel, requirements.lock,
# the units), as root, on a machine with systemd, Python 3.11 and a local Postgres. Safe to run again.
#   sh install.sh sync.example.com
#
# A release is a virtual environment of its own under /opt/webhost-sync/releases; `current` points to the
# one that runs. The order is: install, migrate, switch, restart, look. Where the new release is not ready
# in a minute, `current` goes back to the one before it, which works with the newer schema
# (docs/upgrades.md).
set -eu
umask 022
domain=${1:?the domain, such as sync.example.com}
here=$(cd "$(dirname "$0")" && pwd)
# For tests of this script: another root folder, and stand-ins for what changes the machine.
root=${INSTALL_ROOT:-}
systemctl=${SYSTEMCTL:-systemctl}
programs=$root/opt/webhost-sync
settings=$root/etc/webhost-sync
url=${HEALTH_URL:-http://127.0.0.1:8000/health/ready}

say() { printf '%s\n' "== $*"; }

make_user() {
  getent passwd webhost >/dev/null || useradd --system --user-group --home-dir /var/lib/webhost-sync \
    --shell /usr/sbin/nologin webhost
}

make_settings() {
  mkdir -p "$settings"
  [ -e "$settings/secrets.env" ] || (umask 077 && sh "$here/secrets.sh" 127.0.0.1 >"$settings/secrets.env")
  # The server's part: everything but what only Postgres' owner needs.
  (umask 077 && grep -Ev '^(#|OWNER_PASSWORD|MIGRATION_|POSTGRES_|SERVER_PASSWORD)' "$settings/secrets.env" \
    >"$settings/server.env.new" && mv "$settings/server.env.new" "$settings/server.env")
  (umask 077 && grep -E '^(DATABASE_URL|MIGRATION_DATABASE_URL)=' "$settings/secrets.env" >"$settings/owner.env.new" \
    && mv "$settings/owner.env.new" "$settings/owner.env")
  [ -e "$settings/settings.env" ] || printf '%s\n' '# Your own settings, one NAME=value a line (docs/settings.md).' \
    "PUBLIC_URL=https://$domain" >"$settings/settings.env"
}

make_database() {
  set -a
  # shellcheck disable=SC1091
  . "$settings/secrets.env"
  set +a
  runuser -u postgres -- env SERVER_PASSWORD="$SERVER_PASSWORD" OWNER_PASSWORD="$OWNER_PASSWORD" \
    sh "$here/logins.sh"
}

install_release() {
  wheel=$(ls "$here"/webhost_sync-*.whl)
  # Named by its content: the same release is installed once, and a half installed one is never taken for whole.
  release=$programs/releases/$(basename "$wheel" | cut -d- -f2)-$(cat "$wheel" "$here/requirements.lock" | sha256sum | cut -c1-12)
  if [ ! -e "$release/.complete" ]; then
    rm -rf "$release"
    python3 -m venv "$release"
    "$release/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.lock"
    "$release/bin/pip" install --quiet --disable-pip-version-check --no-deps "$wheel"
    touch "$release/.complete"
  fi
}

switch_to() {
  ln -sfn "$1" "$programs/current.new"
  mv -T "$programs/current.new" "$programs/current"
}

is_ready() {
  tries=${READY_SECONDS:-60}
  while [ "$tries" -gt 0 ]; do
    python3 -c "import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=4)" "$url" 2>/dev/null && return 0
    tries=$((tries - 1))
    sleep 1
  done
  return 1
}

start_units() {
  mkdir -p "$root/etc/systemd/system"
  cp "$here"/webhost-sync*.* "$root/etc/systemd/system/"
  "$systemctl" daemon-reload
}

if [ -z "$root" ]; then
  make_user
fi
say "settings in $settings"
make_settings
if [ -z "$root" ]; then
  say "database"
  make_database
fi
say "program"
install_release
before=$(readlink "$programs/current" || true)
start_units

say "schema"
# By the new program, while the old one goes on serving.
"$systemctl" set-environment WEBHOST_SYNC_RELEASE="$release"
"$systemctl" start webhost-sync-migrate.service
"$systemctl" unset-environment WEBHOST_SYNC_RELEASE

say "switch to $(basename "$release")"
switch_to "$release"
"$systemctl" enable --quiet webhost-sync.socket webhost-sync.service webhost-sync-projector.service \
  webhost-sync-backup.timer webhost-sync-weekly.timer
"$systemctl" start webhost-sync.socket webhost-sync-backup.timer webhost-sync-weekly.timer
"$systemctl" restart webhost-sync.service webhost-sync-projector.service
if ! is_ready; then
  echo "the new release is not ready after a minute; see: journalctl -u webhost-sync -n 50" >&2
  if [ -n "$before" ] && [ "$before" != "$release" ]; then
    switch_to "$before"
    "$systemctl" restart webhost-sync.service webhost-sync-projector.service
    echo "the release before it runs again: $(basename "$before")" >&2
  fi
  exit 1
fi

if [ -e "$here/Caddyfile" ] && [ -d "$root/etc/caddy" ]; then
  say "proxy"
  printf 'DOMAIN=%s\n' "$domain" >"$root/etc/default/caddy-webhost-sync"
  cp "$here/Caddyfile" "$root/etc/caddy/Caddyfile"
  "$systemctl" restart caddy.service
fi
say "done: https://$domain"
