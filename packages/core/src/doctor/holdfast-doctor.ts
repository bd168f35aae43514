#!/usr/bin/env node
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { run } from './run.ts'

// A reader that stops early, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const directory = process.cwd()
// `npx --package @holdfast/core` runs from a folder of its own: adapters are those of the application.
const caller = createRequire(join(directory, 'holdfast-doctor.js'))

process.exitCode = await run(process.argv.slice(2), {
  write: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
  env: process.env,
  directory,
  importAdapter: (name) => import(pathToFileURL(caller.resolve(name)).href),
})
