#!/bin/sh
# Prints the directory that holds initdb and postgres, version 15 or newer, or exits with 1.
# It looks where the program itself looks (src/sandbox/postgres/programs.rs), in the same order.
set -u

oldest=15
root_cache=/var/lib/entryway/pg
user_cache=${HOME:-/nonexistent}/.cache/entryway/pg

# Root lends Postgres to this user, who must be able to run it.
lent_to() {
    for user in postgres _postgres nobody; do
        if grep -q "^$user:" /etc/passwd; then echo "$user"; return; fi
    done
}

serves() {
    [ -f "$1/initdb" ] && [ -f "$1/postgres" ] || return 1
    if [ "$(id -u)" = 0 ]; then
        version=$(cd / && su -s /bin/sh -c '"$0" --version' -- "$(lent_to)" "$1/postgres" 2>/dev/null)
    else
        version=$("$1/postgres" --version 2>/dev/null)
    fi
    version=${version#*(PostgreSQL) }
    version=${version%%[!0-9]*}
    [ -n "$version" ] && [ "$version" -ge "$oldest" ]
}

use_if_serves() {
    if serves "$1"; then echo "$1"; exit 0; fi
}

# Directories <$1><version>/bin, the highest version first.
newest_first() {
    for dir in "$1"*/bin; do
        version=${dir#"$1"}
        version=${version%/bin}
        case $version in '' | *[!0-9]*) ;; *) echo "$version" ;; esac
    done | sort -rn
}

if [ -n "${ENTRYWAY_PG_BIN:-}" ]; then
    use_if_serves "$ENTRYWAY_PG_BIN"
    exit 1
fi
if configured=$(pg_config --bindir 2>/dev/null); then use_if_serves "$configured"; fi
for before in /usr/lib/postgresql/ /usr/pgsql- /opt/homebrew/opt/postgresql@ /usr/local/opt/postgresql@ \
    /Applications/Postgres.app/Contents/Versions/; do
    for version in $(newest_first "$before"); do use_if_serves "$before$version/bin"; done
done
found=$(command -v postgres 2>/dev/null) && use_if_serves "$(dirname "$found")"
for cache in "$root_cache" "$user_cache"; do
    for version in $(newest_first "$cache/postgresql/"); do use_if_serves "$cache/postgresql/$version/bin"; done
done
exit 1
