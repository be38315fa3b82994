#!/bin/sh
# Makes the two logins of webhost-sync and their database, where they are missing: `webhost_owner` for
# migrations, `webhost` for the server. Takes the passwords from SERVER_PASSWORD and OWNER_PASSWORD, and
# reaches Postgres as `psql` does by itself (PGHOST, PGUSER, …), as a superuser. Safe to run again.
# Postgres' Docker images run it at their first start, from /docker-entrypoint-initdb.d.
set -eu
: "${SERVER_PASSWORD:?}" "${OWNER_PASSWORD:?}"
export PGUSER="${PGUSER:-${POSTGRES_USER:-postgres}}"

# The values come from psql's own variables, so that nothing has to be quoted by hand. The statements that
# have the passwords are not written to Postgres' log.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname postgres <<'SQL'
\getenv server_password SERVER_PASSWORD
\getenv owner_password OWNER_PASSWORD
set log_statement = 'none';
set log_min_error_statement = 'panic';
select 'create role webhost_owner login createrole' where not exists (select from pg_roles where rolname = 'webhost_owner') \gexec
select 'create role webhost login noinherit' where not exists (select from pg_roles where rolname = 'webhost') \gexec
alter role webhost_owner password :'owner_password';
alter role webhost password :'server_password';
select 'create database webhost owner webhost_owner' where not exists (select from pg_database where datname = 'webhost') \gexec
alter database webhost owner to webhost_owner;
SQL

# What only a superuser may turn on; webhost-sync uses it where it is there, and doesn't need it.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname webhost <<'SQL'
set client_min_messages = warning;
select format('create extension if not exists %I', name)
  from pg_available_extensions where name = 'postgis' \gexec
SQL
