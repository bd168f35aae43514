import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { ringCandidates } from './ring-candidates.ts'
import type { RingFigures } from './ring-child.ts'
import { type RingResults, ringPage, ringPagePath, ringResultsPath } from './ring-page.ts'
import { seed, seededRandom, shuffled } from './workload.ts'

/*
 * `node micro/ring.ts`, after a build: rings beside each other, every one in a process of its own (see method.md).
 * Writes results/ring.json and the page made of it; medians over the rounds.
 */

const rounds = 5
const childPath = fileURLToPath(new URL('./ring-child.ts', import.meta.url))
const random = seededRandom(seed)

const measured = new Map<string, RingFigures[]>(ringCandidates.map(({ name }) => [name, []]))
for (let round = 1; round <= rounds; round++) {
  for (const { name } of shuffled(ringCandidates, random)) {
    console.error(`round ${round}: ${name}`)
    const output = execFileSync(process.execPath, [...process.execArgv, childPath, name], {
      encoding: 'utf8',
    })
    measured.get(name)!.push(JSON.parse(output.trim().split('\n').at(-1)!) as RingFigures)
  }
}

const rings = ringCandidates.map(({ name, from }) => {
  const figures = measured.get(name)!
  const median = (of: (figures: RingFigures) => number) => {
    const sorted = figures.map(of).sort((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)]!
  }
  const bySize = (of: (figures: RingFigures) => Record<number, number>) =>
    Object.fromEntries(
      Object.keys(of(figures[0]!)).map((size) => [size, median((each) => of(each)[Number(size)]!)]),
    )
  return {
    name,
    version: from === undefined ? undefined : versionOf(from),
    lookupNs: bySize((each) => each.lookupNs),
    buildMs: bySize((each) => each.buildMs),
    fullest: median((each) => each.fullest),
    moved: median((each) => each.moved),
  }
})
const results: RingResults = {
  date: new Date().toISOString().slice(0, 10),
  node: process.versions.node,
  machine: `${process.platform} ${process.arch}, ${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown processor'}`,
  rounds,
  rings,
}
writeFileSync(ringResultsPath, `${JSON.stringify(results, null, 2)}\n`)
writeFileSync(ringPagePath, ringPage(results))
console.log(ringPage(results))

function versionOf(name: string): string {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
