#!/bin/sh
# Brings this checkout to a server that deploy/hetzner/cloud-init.yaml has prepared, the first time and at
# every upgrade: builds the wheel, copies it with its locks and units, and lets install.sh do the rest.
#   deploy/hetzner/deploy.sh root@203.0.113.7 sync.example.com
set -eu
host=${1:?the server, such as root@203.0.113.7}
domain=${2:?the domain that leads to it, such as sync.example.com}
cd "$(dirname "$0")/../.."
make wheel
release=$(mktemp -d)
trap 'rm -rf "$release"' EXIT
cp dist/webhost_sync-*.whl requirements.lock deploy/systemd/* deploy/secrets.sh deploy/postgres/logins.sh \
  deploy/hetzner/Caddyfile "$release"
# In the home folder of whoever signs in there.
ssh "$host" 'rm -rf webhost-sync-release && mkdir -m 700 webhost-sync-release'
scp -q "$release"/* "$host:webhost-sync-release/"
ssh "$host" "sh webhost-sync-release/install.sh '$domain'"
