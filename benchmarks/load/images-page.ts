import { spread, table } from '../markdown.ts'
import { manyImages } from './images-arms.ts'
import type { ImagesResults } from './images-results.ts'

/** Figures that Holdfast has promised itself, over the row that each is compared with. */
const targets = [
  { row: 'holdfast-memory', atLeast: 0.8 },
  { row: 'holdfast-disk', atLeast: 0.5 },
  { row: 'holdfast-memory-disk', atLeast: 0.5 },
  { row: 'holdfast-variant', atLeast: 1 },
] as const

/** The page docs/benchmarks-images.md. It is made from the results and nothing else; a test compares the two. */
export function imagesPage(results: ImagesResults): string {
  const { rows, variantBytes } = results
  const named = (name: string) => rows.find((row) => row.name === name)
  return `${[
    '# What serving an image costs',
    'Generated from `benchmarks/results/images.json` by `pnpm --filter @holdfast/benchmarks run images`; do not edit.',
    `Measured on ${results.date}, Node ${results.node}, ${results.machine}; client and server share the cores. One PNG of ${results.bytes.toLocaleString('en')} bytes over loopback, ${results.connections} keep-alive connections that ask again as soon as they are answered, ${results.rounds} rounds, each server in a process of its own and one at a time. Ratios are formed inside a round; the tables show their median, least and most. CPU is the server's own, all its threads.`,
    '## Targets',
    table(
      ['throughput', 'target', 'measured', ''],
      // Results that are older than a row say nothing of it.
      targets
        .filter(({ row }) => named(row) !== undefined)
        .map(({ row, atLeast }) => {
          const { what = row, ratio } = named(row) ?? {}
          const over = named(ratio?.over ?? '')?.what ?? 'a peer that is not installed here'
          const { median } = ratio?.of ?? {}
          const verdict =
            median === undefined ? 'not measured' : median >= atLeast ? 'met' : '**missed**'
          return [
            `${what}, over ${over}`,
            `≥ ${atLeast} ×`,
            median === undefined ? '' : `${median.toFixed(2)} ×`,
            verdict,
          ]
        }),
    ),
    '## All',
    table(
      [
        'server',
        'requests/s',
        'CPU a request',
        'over its peer',
        'copied of the image in JavaScript',
      ],
      rows.map(({ what, perSecond, cpuUs, ratio, copied, absent }) =>
        absent === undefined
          ? [
              what,
              perSecond.toLocaleString('en'),
              `${cpuUs.toFixed(1)} µs`,
              ratio === undefined ? '' : `${spread(ratio.of)} × ${ratio.over}`,
              copied,
            ]
          : [what, absent, '', '', ''],
      ),
    ),
    ...(named('holdfast-disk-many') === undefined
      ? []
      : [
          `The targets are for one image that all connections ask for. Those who ask for it in the same turn of the event loop share its read; whoever comes in a later turn reads again, since nothing is kept. Of ${manyImages} images in turn nobody shares: each answer reads, verifies and frees a whole image, as the plain server that reads the file does but for verifying, and so each few dozen answers start V8's collector. nginx lets the kernel hand the file to the socket, unverified. A memory tier before the disk, which is the default, spares both.`,
        ]),
    `The variant is ${variantBytes.ours.toLocaleString('en')} bytes from Holdfast and ${variantBytes.ipx.toLocaleString('en')} from ipx. ipx keeps nothing: it is meant to stand behind a cache, and is measured as what a cache spares. What is copied is held by a test (\`packages/image/test/serve/copies.test.ts\`); the kernel's copy into the socket is in all rows but nginx's.`,
    '## Versions',
    table(['program', 'version'], Object.entries(results.versions)),
  ].join('\n\n')}\n`
}
