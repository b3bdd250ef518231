#!/bin/sh
# Runs a command with DATABASE_URL naming a throwaway Postgres to which the migrations have been applied:
#   scripts/with-postgres.sh cargo check
# The program cannot lend its own Postgres here: it may not compile before the queries have been described.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=$("$here/find-postgres.sh") || { echo "Postgres' programs were not found; run \`make setup\`" >&2; exit 1; }

work=$(mktemp -d /tmp/entryway-sqlx.XXXXXX)
if [ "$(id -u)" = 0 ]; then
    user=nobody
    if grep -q '^postgres:' /etc/passwd; then user=postgres; fi
    chown "$user" "$work"
    as_server() { (cd / && su -s /bin/sh -c 'exec "$0" "$@"' -- "$user" "$@"); }
else
    as_server() { "$@"; }
fi
stop() {
    as_server "$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

# A socket in a directory that only we can enter: nobody else gets in, and no port is taken.
export LC_ALL=C
as_server "$bin/initdb" -D "$work/data" -U entryway -A trust -E UTF8 --locale=C --no-sync >/dev/null
as_server "$bin/pg_ctl" -D "$work/data" -l "$work/log" -w \
    -o "-c listen_addresses= -c unix_socket_directories=$work -c fsync=off" start >/dev/null
psql=$bin/psql
[ -x "$psql" ] || psql=psql
# The first table is sqlx's own, as its migrator makes it; a query reads it.
{
    echo 'CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL,
          installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL,
          execution_time bigint NOT NULL);'
    cat "$here"/../migrations/*.sql
} | "$psql" -X -q -v ON_ERROR_STOP=1 -h "$work" -U entryway -d postgres >/dev/null
DATABASE_URL="postgres://entryway@localhost/postgres?host=$work" "$@"
