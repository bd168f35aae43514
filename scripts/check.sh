#!/bin/sh
# Every gate but the server tests, which `pnpm test` runs. `--without-tests` leaves out the unit and
# type tests too, for a caller that runs `pnpm test` anyway.
set -eu
cd "$(dirname "$0")/.."

# The newest supported Node runs the tools; the consumer's view is taken with the machine's own.
machine_node=$(sh scripts/machine-node.sh)
PATH="$PWD/node_modules/.bin:$PATH"
export PATH

step() { printf '\n== %s\n' "$1"; }

step 'lint'
biome ci .
if grep -nE 'https?://|tarball:' pnpm-lock.yaml; then
  echo 'check: pnpm-lock.yaml names an address; regenerate it under the default registry' >&2
  exit 1
fi

step 'types'
tsc -p tsconfig.json

if [ "${1:-}" != '--without-tests' ]; then
  step 'unit and type tests'
  vitest run --project unit --project types
fi

step 'build and pack'
pnpm run build
rm -rf packed
pnpm -r --filter './packages/*' exec pnpm pack --pack-destination "$PWD/packed" >/dev/null

step 'package boundaries'
node --test --test-reporter=dot smoke/boundary.test.mjs

step 'publint, attw'
for tarball in packed/*.tgz; do
  publint run --strict "$tarball"
  # ESM only: that a CommonJS importer gets ESM is the point (docs/decisions/0001-esm-only.md).
  attw "$tarball" --profile strict --ignore-rules cjs-resolves-to-esm --format ascii
done

step 'size'
size-limit

step 'unused code and dependencies'
knip

step 'API reports'
node scripts/api-report.mjs

step "packed packages in an empty project, on Node $("$machine_node" --version)"
"$machine_node" --test --test-reporter=dot smoke/packed.test.mjs

printf '\ncheck: all gates passed\n'
