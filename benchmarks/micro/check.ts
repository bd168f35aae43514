import { readFileSync } from 'node:fs'
import { worsened } from './compare.ts'
import { measureAll } from './measure-all.ts'
import { resultsPath } from './paths.ts'
import type { MicroResults } from './results.ts'

/* `pnpm bench:check`: measures Holdfast and the floor over five rounds and compares with the committed results. */

const committed = JSON.parse(readFileSync(resultsPath, 'utf8')) as MicroResults
const measured = ['floor', 'holdfast', 'holdfast-shared', 'holdfast-peek']
const now = await measureAll({ rounds: 5, only: ({ name }) => measured.includes(name) }, (what) =>
  console.log(what),
)
const worse = worsened(now, committed)
for (const line of worse) console.error(`worse: ${line}`)
if (worse.length > 0) process.exitCode = 1
else console.log('no figure is more than 15 % worse than the committed one')
