#!/bin/sh
# Prints the settings that are secret, freshly made: one `NAME=value` a line. Redirect it to a file that
# nobody else can read. The first argument is the host of Postgres (default: 127.0.0.1).
set -eu
umask 077
host=${1:-127.0.0.1}
random() { openssl rand -hex 32; }
server=$(random)
owner=$(random)
cat <<END
# The password of Postgres' own superuser, for the first start of a database.
POSTGRES_PASSWORD=$(random)
# What the server signs in with: may take on the roles of webhost-sync, and owns nothing.
SERVER_PASSWORD=$server
DATABASE_URL=postgresql://webhost:$server@$host:5432/webhost
# What migrations sign in with: owns the schema. Servers are not given it.
OWNER_PASSWORD=$owner
MIGRATION_DATABASE_URL=postgresql://webhost_owner:$owner@$host:5432/webhost
TOKEN_SIGNING_SECRET=$(random)
SECRET_KEY_BASE=$(random)
END
