#!/bin/sh
# Sees to it that AWS's own clients (boto3 and the AWS CLI), an identity provider (oidc-provider-mock) and schemathesis, in the
# versions of tests/clients/requirements.txt, are in target/clients, a Python environment of their own. Quick when they are there
# already. Nothing of it is needed to build or to run the program. The environment comes from python3's own venv; where that is
# missing (Debian keeps it apart), from apt (as root, or with a sudo that asks nothing), and at last from virtualenv, unpacked
# under target.
set -u
cd "$(dirname "$0")/.." || exit 1
requirements=tests/clients/requirements.txt
place=target/clients

say() { echo "set-up: $*"; }

# The list is copied into the environment when everything on it is there, and not before. Its programs know where they were
# installed: where the whole folder has been moved since, they start no more.
if cmp -s "$requirements" "$place/requirements.txt" && "$place/bin/pip" --version >/dev/null 2>&1 &&
    "$place/bin/python" -c 'import awscli, boto3, oidc_provider_mock, pytest, schemathesis' 2>/dev/null
then
    say "AWS's clients are in $place"
    exit 0
fi

# ---- an empty environment -------------------------------------------------------------------------------

serves() { python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

with_venv() {
    rm -rf "$place"
    # Debian's python3 has the module, but not what it puts into the environment: only trying tells.
    serves && python3 -m venv "$place" >/dev/null 2>&1 && "$place/bin/python" -m pip --version >/dev/null 2>&1
}

with_apt() {
    command -v apt-get >/dev/null 2>&1 || return 1
    as_root=
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        as_root="sudo -n"
    fi
    quiet="-qq -o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=120"
    say "installing python3-venv with apt-get"
    install="$as_root env DEBIAN_FRONTEND=noninteractive apt-get $quiet install -y --no-install-recommends python3-venv"
    # Package lists may be stale or missing; fresh ones name the files that exist.
    $install >/dev/null 2>&1 || { $as_root apt-get $quiet update >/dev/null 2>&1; $install >/dev/null; }
}

with_virtualenv() {
    serves && python3 -m pip --version >/dev/null 2>&1 || return 1
    say "making the environment with virtualenv"
    rm -rf "$place" target/virtualenv
    # With --target nothing of the system's own Python is touched, which Debian's pip would refuse to do.
    python3 -m pip install --quiet --target target/virtualenv 'virtualenv>=20.26' &&
        PYTHONPATH=target/virtualenv python3 -m virtualenv --quiet "$place"
}

if ! with_venv && ! { with_apt && with_venv; } && ! with_virtualenv; then
    rm -rf "$place"
    say "the tests with AWS's clients need Python 3.10 or newer with venv, and neither apt-get nor pip could provide it" \
        "here; install python3 and python3-venv in the way of your system and run this again" >&2
    exit 1
fi

# ---- the clients ----------------------------------------------------------------------------------------

say "installing boto3, the AWS CLI, oidc-provider-mock, schemathesis and pytest from PyPI into $place"
"$place/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements" || {
    say "pip could not install what $requirements lists; its own words are above" >&2
    exit 1
}
cp "$requirements" "$place/requirements.txt"
