import { readFileSync, writeFileSync } from 'node:fs'
import { libraries } from './libraries.ts'
import type { Library } from './library.ts'
import { page, readmeWithTable } from './page.ts'
import { pagePath, readmePath, resultsPath } from './paths.ts'
import type { BehaviourResults } from './results.ts'
import { rows } from './rows.ts'
import type { Seen } from './seen.ts'

/* `pnpm --filter @holdfast/benchmarks run behaviour`: looks, and writes the results and what is made from them. */

// Some libraries write to the console of what a row provokes on purpose.
console.error = () => undefined

const seen: Record<string, Record<string, Seen>> = {}
for (const row of rows) {
  console.log(`${row.title} …`)
  const look = async (library: Library) => [library.name, await row.measure(library)] as const
  const looked: (readonly [string, Seen])[] = []
  if (row.together) looked.push(...(await Promise.all(libraries.map(look))))
  else for (const library of libraries) looked.push(await look(library))
  seen[row.measure.name] = Object.fromEntries(looked)
}

const results: BehaviourResults = {
  date: new Date().toISOString().slice(0, 10),
  node: process.versions.node,
  libraries: libraries.map(({ name, title, call, setUp }) => ({
    name,
    title,
    version: versionOf(name),
    call,
    setUp,
  })),
  seen,
}
writeFileSync(resultsPath, `${JSON.stringify(results, null, 2)}\n`)
writeFileSync(pagePath, page(results))
writeFileSync(readmePath, readmeWithTable(readFileSync(readmePath, 'utf8'), results))
// Loads that hang on purpose and refreshes that are not awaited would hold the process up.
process.exit()

function versionOf(name: string): string {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
