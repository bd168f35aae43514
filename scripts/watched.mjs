// Runs a command, passes on all that it and its children print, and searches that, and the files named with
// --also, for secrets of the tests. One that is found makes the run red; it is told without the secret itself.
//   node scripts/watched.mjs [--also=<file>]… [--verdict=<file>] <command> [argument]…
import { spawn } from 'node:child_process'
import { createReadStream, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { describeLeak, scanForLeaks } from '../lab/src/leak-scan.ts'

/** More of them explain no more. */
const mostToldLeaks = 50

const ownArgs = process.argv.slice(2)
const commandAt = ownArgs.findIndex((arg) => !arg.startsWith('--'))
if (commandAt < 0) throw new Error('watched: expected a command to run')
const { values: options } = parseArgs({
  args: ownArgs.slice(0, commandAt),
  options: {
    also: { type: 'string', multiple: true, default: [] },
    // Another marker than canary.ts has: for the test that plants leaks.
    marker: { type: 'string' },
    verdict: { type: 'string' },
  },
})
if (options.verdict !== undefined) rmSync(options.verdict, { force: true })

const leaks = []
const watch = (source) => scanForLeaks(source, (leak) => leaks.push(leak), options.marker)
const scans = []

const [program, ...args] = ownArgs.slice(commandAt)
// No colours are forced: its surroundings hand that on, and what tests compare would be coloured.
const child = spawn(program, args, { stdio: ['inherit', 'pipe', 'pipe'] })
for (const name of ['stdout', 'stderr']) {
  const scan = watch(name)
  scans.push(scan)
  child[name].on('data', (chunk) => scan.write(chunk))
  child[name].on('end', () => scan.end())
  child[name].pipe(process[name], { end: false })
}
// The command gets the terminal's Ctrl-C itself, and ends in its own way; what it said until then is judged.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (signal === 'SIGTERM') child.kill(signal)
  })
}
const code = await new Promise((resolve, reject) => {
  child.on('error', reject)
  child.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
})

for (const file of options.also) {
  if (!existsSync(file)) continue
  const scan = watch(file)
  scans.push(scan)
  for await (const chunk of createReadStream(file)) scan.write(chunk)
  scan.end()
}

const letters = scans.reduce((sum, scan) => sum + scan.letters, 0)
for (const leak of leaks.slice(0, mostToldLeaks)) console.error(describeLeak(leak))
const found = leaks.length === 0 ? 'no secret' : `${leaks.length} secrets of the tests`
console.log(`watched: ${found} in ${Math.ceil(letters / 1_000)} kB of output`)
if (options.verdict !== undefined) {
  mkdirSync(dirname(options.verdict), { recursive: true })
  writeFileSync(options.verdict, JSON.stringify({ letters, leaks: leaks.length }))
}
process.exitCode = leaks.length > 0 ? 1 : code
