import { writeFileSync } from 'node:fs'
import { measureFar } from './measure.ts'
import { page } from './page.ts'
import { pagePath, resultsPath } from './paths.ts'

/* Measures what a hit in Redis costs, and writes the results and the page that is made from them. */

const rounds = 7
const results = await measureFar(rounds, (what) => console.log(what))
writeFileSync(resultsPath, `${JSON.stringify(results, null, 2)}\n`)
writeFileSync(pagePath, page(results))
console.log(`\n${page(results)}`)
