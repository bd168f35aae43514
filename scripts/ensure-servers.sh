#!/bin/sh
# Makes sure that the servers the tests talk to are installed. Installs nothing when all are there,
# and starts none: the tests start their own on free ports.
set -eu

missing() {
  found=''
  for program in redis-server redis-sentinel redis-cli valkey-server memcached nutcracker; do
    # Debian puts nutcracker in /usr/sbin, which is not on every user's PATH.
    PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null 2>&1 || found="$found $program"
  done
  printf '%s' "$found"
}

absent=$(missing)
[ -n "$absent" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "ensure-servers: missing:$absent" >&2
  echo "ensure-servers: install them with your system's package manager, then run this again" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "ensure-servers: missing:$absent" >&2
  echo "ensure-servers: run: sudo sh scripts/ensure-servers.sh" >&2
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

packages=''
for program in $absent; do
  case "$program" in
    redis-cli) package=redis-tools ;;
    valkey-server) continue ;;
    *) package=$program ;;
  esac
  packages="$packages $package"
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
echo "ensure-servers: all servers are installed, none was started"
