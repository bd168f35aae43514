import { table } from '../markdown.ts'
/** What `results/ring.json` holds: medians over the rounds. */
export interface RingResults {
  readonly date: string
  readonly node: string
  readonly machine: string
  readonly rounds: number
  readonly rings: readonly RingResult[]
}

export interface RingResult {
  readonly name: string
  /** Of the package it comes from; absent: our own. */
  readonly version?: string | undefined
  /** By number of servers. */
  readonly lookupNs: Readonly<Record<string, number>>
  readonly buildMs: Readonly<Record<string, number>>
  readonly fullest: number
  readonly moved: number
}

export const ringResultsPath = new URL('../results/ring.json', import.meta.url)
export const ringPagePath = new URL('../../docs/benchmarks-rings.md', import.meta.url)

/** What Holdfast has promised itself of its default ring. */
const lookupTargetNs = 35
const buildTargetMs = 25
const fullestTarget = 1.1

/** The page docs/benchmarks-rings.md. It is made from the results and nothing else; a test compares the two. */
export function ringPage(results: RingResults): string {
  const own = results.rings.find(({ name }) => name === 'holdfast')
  if (own === undefined) throw new Error('the results have no row for Holdfast')
  const lookupNs = Math.max(...[4, 10, 100].map((servers) => own.lookupNs[servers]!))
  const met = (is: boolean) => (is ? 'met' : '**missed**')
  return `${[
    '# What it costs to know where a key is',
    'Generated from `benchmarks/results/ring.json` by `pnpm --filter @holdfast/benchmarks run rings`; do not edit.',
    `Measured on ${results.date}, Node ${results.node}, ${results.machine}; medians of ${results.rounds} rounds, every ring in a process of its own, CPU time. Keys of 20 ASCII characters. "Fullest": the load of the fullest of ten servers over the mean, with 1,000,000 keys that count up. "Moved": the share of keys that are elsewhere when one of ten servers leaves; a tenth have to.`,
    '## Targets',
    table(
      ['the default ring', 'target', 'measured', ''],
      [
        [
          'a lookup, up to 100 servers',
          `≤ ${lookupTargetNs} ns`,
          `${lookupNs.toFixed(1)} ns`,
          met(lookupNs <= lookupTargetNs),
        ],
        [
          'built for 100 servers',
          `≤ ${buildTargetMs} ms`,
          `${own.buildMs[100]!.toFixed(1)} ms`,
          met(own.buildMs[100]! <= buildTargetMs),
        ],
        [
          'the fullest of ten servers',
          `≤ ${fullestTarget} × the mean`,
          `${own.fullest.toFixed(2)} ×`,
          met(own.fullest <= fullestTarget),
        ],
      ],
    ),
    '## Rings beside each other',
    table(
      [
        'ring',
        'ns a lookup, 4 / 10 / 100 / 1,000 servers',
        'ms to build 100 / 1,000',
        'fullest of 10',
        'moved when 1 of 10 leaves',
      ],
      results.rings.map(({ name, version, lookupNs, buildMs, fullest, moved }) => [
        version === undefined ? name : `${name} ${version}`,
        [4, 10, 100, 1000].map((servers) => lookupNs[servers]!.toFixed(0)).join(' / '),
        [100, 1000].map((servers) => buildMs[servers]!.toFixed(1)).join(' / '),
        fullest.toFixed(2),
        `${(moved * 100).toFixed(1)} %`,
      ]),
    ),
  ].join('\n\n')}\n`
}
