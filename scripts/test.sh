#!/bin/sh
# The whole test suite, real servers included. The last line of its output sums it up; arguments go to vitest.
set -eu
cd "$(dirname "$0")/.."

PATH="$PWD/node_modules/.bin:$PATH:/usr/sbin"
export PATH
report=coverage/vitest.json
verdict=coverage/leaks.json

sh scripts/ensure-servers.sh
rm -f "$report" "$verdict"
code=0
# All that is printed is searched for the secrets of the tests (lab/src/canary.ts).
node scripts/watched.mjs --also="$report" --verdict="$verdict" \
  vitest run --reporter=default --reporter=json --outputFile.json="$report" "$@" || code=$?
# The exit code is vitest's: an unhandled rejection shows in it and nowhere in the report.
node scripts/closing-line.mjs "$report" || code=1
exit "$code"
