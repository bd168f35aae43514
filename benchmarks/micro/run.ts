import { writeFileSync } from 'node:fs'
import { measureAll } from './measure-all.ts'
import { pagePath, resultsPath } from './paths.ts'
import { page } from './table.ts'

/* `pnpm bench`: measures everything, and writes the results and the page that is made from them. */

const rounds = 5
const results = await measureAll({ rounds }, (what) => console.log(what))
writeFileSync(resultsPath, `${JSON.stringify(results, null, 2)}\n`)
writeFileSync(pagePath, page(results))
console.log(`\n${page(results)}`)
