#!/usr/bin/env bash
# Set up a clone: system packages, a virtual environment in .venv, every package of the repository in it.
# "make setup" calls this, and so do all targets that need it. When nothing changed it only looks, and is done at once.
#
#   PYTHON=python3.12 scripts/setup.sh      make the environment with another Python (3.11 or later)
#
# As root on Debian and its kin, missing system packages are installed. Elsewhere it says what is missing, and goes on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-python3}
VENV=.venv
STAMP=$VENV/.set-up
# python3-bpfcc is BCC: no dependency on the package index can stand for it (docs/adr/0007). libbpf1 is what it links to.
# gcc and systemtap-sdt-dev are for tests: they make programs with probes. So are tshark, which reads what we write, the
# shells that complete commands, and mandoc, which finds what is wrong in manual pages.
DEBIAN_PACKAGES=(make python3 python3-venv python3-bpfcc libbpf1 libpcap0.8 iproute2 iputils-ping procps tcpdump tshark zsh fish mandoc gcc libc6-dev systemtap-sdt-dev)
TOOLS=(ip ping tcpdump tshark zsh fish mandoc gcc)

say() { printf 'setup: %s\n' "$*" >&2; }

system_packages_debian() {
    local installed missing=() package
    installed=$(dpkg-query -W -f='${Package}=${db:Status-Status}\n' "${DEBIAN_PACKAGES[@]}" 2>/dev/null || true)
    for package in "${DEBIAN_PACKAGES[@]}"; do
        grep -qx "$package=installed" <<<"$installed" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    if ((EUID != 0)); then
        say "missing system packages: ${missing[*]}; as root: apt-get install ${missing[*]}"
        return 0
    fi
    say "installing system packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    local apt=(apt-get -q -o DPkg::Lock::Timeout=300) log
    log=$(mktemp)
    if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        say "could not install ${missing[*]}; going on without"
    fi
    rm -f "$log"
}

system_packages_elsewhere() {
    local missing=() tool
    for tool in "${TOOLS[@]}"; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    if ! compgen -G '/usr/lib*/python3*/*-packages/bcc/__init__.py' >/dev/null; then
        missing+=("BCC's Python module")
    fi
    ((${#missing[@]})) || return 0
    say "this is not Debian, so nothing is installed; missing: ${missing[*]}"
    say "on Fedora and its kin, as root: dnf install python3-bcc libbpf iproute iputils tcpdump wireshark-cli zsh fish mandoc gcc systemtap-sdt-devel"
}

check_python() {
    if ! command -v "$PYTHON" >/dev/null; then
        say "there is no $PYTHON: install Python 3.11 or later, or name one: make PYTHON=python3.12"
        exit 1
    fi
    if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        say "$PYTHON is $("$PYTHON" -V), and 3.11 or later is needed; name another one: make PYTHON=python3.12"
        exit 1
    fi
}

# What the environment depends on: where it is and the Python that made it; then what is installed in it.
base() { printf '%s ' "$PWD" && "$PYTHON" -c 'import sys; print(sys.base_prefix, sys.version)' | tr '\n' ' '; }
inputs() { cat scripts/setup.sh requirements-dev.txt pyproject.toml core/pyproject.toml plugins/*/pyproject.toml | sha256sum; }

environment() {
    local base inputs
    base=$(base)
    inputs=$(inputs)
    [[ -x $VENV/bin/tracer && -e $STAMP && $(<"$STAMP") == "$base"$'\n'"$inputs" ]] && return
    if [[ ! -x $VENV/bin/python || ! -e $STAMP || $(head -n 1 "$STAMP") != "$base" ]]; then
        say "making $VENV with $("$PYTHON" -V)"
        if ! "$PYTHON" -m venv --clear "$VENV"; then
            say "$PYTHON cannot make virtual environments; on Debian, as root: apt-get install python3-venv"
            exit 1
        fi
    fi
    rm -f "$STAMP"
    say "installing the packages of this repository, and tools, in $VENV"
    local pip=("$VENV/bin/python" -m pip --disable-pip-version-check install --quiet)
    "${pip[@]}" 'pip>=25.1' # for --group; what a new environment has may be older
    "${pip[@]}" -r requirements-dev.txt --group dev
    printf '%s\n%s\n' "$base" "$inputs" >"$STAMP"
}

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
    system_packages_debian
else
    system_packages_elsewhere
fi
check_python
environment
