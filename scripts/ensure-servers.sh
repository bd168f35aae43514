#!/bin/sh
# Makes sure that the programs the tests need are installed: servers, a browser, and tools that judge what is
# written for others. Installs nothing when all are there, and starts none: the tests start their own on free ports.
set -eu

# All that the tests need, in this one place: the program, and Debian's package where it has another name.
# chromium (a big package) is for the inspector's page, promtool for metrics and alert rules, saslpasswd2 for
# logging in to Memcached.
needed='
  redis-server
  redis-sentinel
  redis-cli=redis-tools
  valkey-server
  memcached
  nutcracker
  chromium
  promtool=prometheus
  saslpasswd2=sasl2-bin
'

missing() {
  found=''
  for entry in $needed; do
    program=${entry%%=*}
    # Debian puts nutcracker and saslpasswd2 in /usr/sbin, which is not on every user's PATH.
    PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null 2>&1 || found="$found $program"
  done
  printf '%s' "$found"
}

# The packages of the programs given.
packages_of() {
  for program in "$@"; do
    for entry in $needed; do
      [ "${entry%%=*}" != "$program" ] || printf ' %s' "${entry#*=}"
    done
  done
}

absent=$(missing)
[ -n "$absent" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "ensure-servers: missing:$absent" >&2
  # shellcheck disable=SC2086 # a list of words
  echo "ensure-servers: install them with your system's package manager, then run this again; Debian calls the packages$(packages_of $absent)" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "ensure-servers: missing:$absent" >&2
  echo "ensure-servers: run: sudo sh scripts/ensure-servers.sh" >&2
  # shellcheck disable=SC2086 # a list of words
  echo "ensure-servers: or install by hand: sudo apt-get install --no-install-recommends$(packages_of $absent)" >&2
  exit 1
fi

echo "ensure-servers: installing$absent"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
own_policy=''
cleanup() {
  rm -f "$log"
  [ -z "$own_policy" ] || rm -f "$policy"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# A package would start its daemon on the default port; 101 is the answer that forbids it.
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  own_policy=yes
fi

apt() {
  # apt names its mirror in much of what it prints, so only the lines known to be free of it are shown.
  if ! apt-get -qq -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1; then
    echo "ensure-servers: apt-get $1 failed; run it by hand to see all it says" >&2
    grep -E '^E: (Unable to locate|Unable to correct|Could not get lock|Package |dpkg )' "$log" >&2 || :
    return 1
  fi
}
candidate() { apt-cache policy "$1" 2>/dev/null | awk '/Candidate:/ && $2 != "(none)" { found = 1 } END { exit !found }'; }

# bookworm keeps valkey in its backports; the source's own address and key serve for both suites.
add_backports() {
  . /etc/os-release
  suite="${VERSION_CODENAME:-}-backports"
  target="/etc/apt/sources.list.d/$suite.sources"
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    awk -v main="${VERSION_CODENAME:-}" -v suite="$suite" '
      /^URIs:/ { uri = $2 }
      /^Suites:/ { for (i = 2; i <= NF; i++) if ($i == main) address = uri }
      /^Signed-By:/ { key = $2 }
      END {
        if (address == "") exit 1
        print "Types: deb\nURIs: " address "\nSuites: " suite "\nComponents: main"
        if (key != "") print "Signed-By: " key
      }' /etc/apt/sources.list.d/debian.sources >"$target" || { rm -f "$target"; return 1; }
  elif [ -f /etc/apt/sources.list ]; then
    awk -v main="${VERSION_CODENAME:-}" -v suite="$suite" '
      $1 == "deb" { for (i = 2; i <= NF; i++) if ($i == main) { $i = suite; print; found = 1; exit } }
      END { exit !found }' /etc/apt/sources.list >"${target%.sources}.list" || { rm -f "${target%.sources}.list"; return 1; }
  else
    return 1
  fi
  apt update
}

apt update

# valkey is not in every suite, and is looked for below.
packages=''
for program in $absent; do
  [ "$program" = valkey-server ] || packages="$packages$(packages_of "$program")"
done
# shellcheck disable=SC2086 # a list of words
[ -z "$packages" ] || apt install -y --no-install-recommends $packages

case "$absent" in
  *valkey-server*)
    if candidate valkey-server; then
      apt install -y --no-install-recommends valkey-server
    elif add_backports && candidate valkey-server; then
      . /etc/os-release
      apt install -y --no-install-recommends -t "$VERSION_CODENAME-backports" valkey-server
    elif candidate valkey; then
      apt install -y --no-install-recommends valkey
    fi
    ;;
esac

absent=$(missing)
if [ -n "$absent" ]; then
  echo "ensure-servers: still missing:$absent; no package for them was found here" >&2
  exit 1
fi
echo "ensure-servers: all is installed, nothing was started"
