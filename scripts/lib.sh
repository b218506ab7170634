# Sourced by the other scripts: makes the virtual environment and builds pynl into it. Leaves its path in $venv.
#
# PYTHON: the interpreter to use (otherwise python3, or the newest that there is). PYNL_VENV: where to put it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${PYNL_VENV:-$root/.venv}

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "pynl: $*"
  exit 1
}

# Some pip versions want a home to write to.
if [[ ! -w ${HOME:-/nonexistent} ]]; then
  export HOME=$root/.venv PIP_NO_CACHE_DIR=1
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1

# install PACKAGE ...: Debian packages, where the script may; otherwise it tells what to run.
install() {
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    say "installing $*"
    apt-get install -y -qq "$@" >/dev/null 2>&1 && return
    apt-get update -qq >/dev/null 2>&1
    apt-get install -y -qq "$@" >/dev/null 2>&1 && return
  fi
  fail "missing: $*. Install with: apt-get install $*"
}

# want COMMAND PACKAGE: as install, but only tells where it cannot.
want() {
  command -v "$1" >/dev/null || (install "$2") || true
}

find_python() {
  local name
  for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  fail "needs Python 3.10 or newer${PYTHON:+; PYTHON=$PYTHON is not}. Install with: apt-get install python3"
}

make_venv() {
  # An earlier run may have been interrupted anywhere.
  "$venv/bin/python" -c 'import pip, setuptools, cffi, wheel' 2>/dev/null && return
  local python
  python=$(find_python)
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    install python3-venv
  fi
  "$python" -m venv "$venv" || fail "cannot make $venv with $python"
  "$venv/bin/pip" install -q 'setuptools>=77' 'cffi>=1.17' wheel || fail "cannot install setuptools and cffi"
}

need_compiler() {
  local include
  command -v "${CC:-cc}" >/dev/null || install gcc libc6-dev
  include=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  [[ -e $include/Python.h ]] || install python3-dev
  printf '#include <linux/netlink.h>\n#include <pthread.h>\n' | "${CC:-cc}" -E -x c - >/dev/null 2>&1 ||
    install gcc libc6-dev linux-libc-dev
}

# What the installed build depends on: its sources, and how it is built.
fingerprint() {
  (cd "$root" && cat csrc/*.[ch] csrc/build.py setup.py pyproject.toml && echo "${CC:-} ${PYNL_SANITIZE:-}${PYNL_WERROR:-}") |
    cksum
}

# prepare EXTRAS: builds pynl and installs it with these extras, unless both have been done. The module lies in the
# source tree, where every environment finds it: whichever was built last, and how, is noted beside it.
prepare() {
  local built=$root/build/core stamps=$venv/pynl-extras mark log extra missing=()
  make_venv
  mark=$(fingerprint)
  for extra in ${1//,/ }; do
    [[ -e $stamps/$extra && ! $root/pyproject.toml -nt $stamps/$extra ]] || missing+=("$extra")
  done
  [[ ${#missing[@]} == 0 && -e $built && $(cat "$built") == "$mark" ]] && return
  need_compiler
  say "building pynl"
  log=$(mktemp)
  if ! "$venv/bin/pip" install -q --no-build-isolation -e "$root[$1]" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    fail "the build failed: see above"
  fi
  rm -f "$log"
  mkdir -p "$root/build" "$stamps"
  printf '%s\n' "$mark" >"$built"
  for extra in ${1//,/ }; do
    touch "$stamps/$extra"
  done
}

# prepare_tests [EXTRAS]: without "frames" the tests of other libraries would be skipped.
prepare_tests() {
  want ip iproute2
  want strace strace
  prepare "test,cli${1:+,$1}"
}

# run_with_namespaces COMMAND ...: ends with it; without root in a user namespace that may make network namespaces.
run_with_namespaces() {
  if [[ $(id -u) != 0 ]] && unshare -Urnm true 2>/dev/null; then
    # Where "ip netns" keeps its names has to be writable.
    exec unshare -Urnm bash -c 'mount -t tmpfs tmpfs /run && mkdir /run/netns && exec "$@"' - "$@"
  fi
  exec "$@"
}
