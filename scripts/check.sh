#!/bin/sh
# Every gate but the server tests, which `pnpm test` runs. `--without-tests` leaves out the unit and
# type tests too, for a caller that runs `pnpm test` anyway. All gates run, then the red ones are named.
set -eu
cd "$(dirname "$0")/.."

# The newest supported Node runs the tools; the consumer's view is taken with the machine's own.
machine_node=$(sh scripts/machine-node.sh)
PATH="$PWD/node_modules/.bin:$PATH"
export PATH

red=''
# `set -e` is off inside a gate, as in anything left of `||`: a gate chains its steps with && or counts.
gate() {
  name=$1
  shift
  printf '\n== %s\n' "$name"
  "$@" || {
    red="$red
  $name"
    return 0
  }
}

lockfile_without_addresses() {
  if grep -nE 'https?://|tarball:' pnpm-lock.yaml; then
    echo 'check: pnpm-lock.yaml names an address; regenerate it under the default registry' >&2
    return 1
  fi
}

pack() {
  rm -rf packed
  pnpm -r --filter './packages/*' exec pnpm pack --pack-destination "$PWD/packed" >/dev/null
}

manifests_and_types_resolve() {
  count=0
  bad=0
  for tarball in packed/*.tgz; do
    [ -e "$tarball" ] || continue
    count=$((count + 1))
    publint run --strict "$tarball" || bad=1
    # ESM only: that a CommonJS importer gets ESM is the point (docs/decisions/0001-esm-only.md).
    attw "$tarball" --profile strict --ignore-rules cjs-resolves-to-esm --format ascii || bad=1
  done
  [ "$count" -gt 0 ] || {
    echo 'check: nothing was packed' >&2
    return 1
  }
  return "$bad"
}

gate 'lint' biome ci ${NO_COLOR:+--colors=off} .
gate 'lockfile' lockfile_without_addresses
gate 'types' tsc -p tsconfig.json
if [ "${1:-}" != '--without-tests' ]; then
  gate 'unit and type tests' vitest run --project unit --project types
fi
gate 'build' pnpm run build
gate 'pack' pack
gate 'package boundaries' node --test --test-reporter=dot smoke/boundary.test.mjs
gate 'publint, attw' manifests_and_types_resolve
gate 'size' size-limit
gate 'unused code and dependencies' knip
gate 'API reports' node scripts/api-report.mjs
gate "packed packages in an empty project, on Node $("$machine_node" --version)" \
  "$machine_node" --test --test-reporter=dot smoke/packed.test.mjs

if [ -n "$red" ]; then
  printf '\ncheck: red:%s\n' "$red"
  exit 1
fi
printf '\ncheck: all gates passed\n'
