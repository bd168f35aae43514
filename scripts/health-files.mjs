/**
 * Writes docs/alerts/ anew from the thresholds of health():
 * `node --conditions=holdfast-source scripts/health-files.mjs`. A test says when that is due.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { alertsYaml, dashboardJson } from '../packages/core/src/telemetry/rule-files.ts'

const folder = new URL('../docs/alerts/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('holdfast.rules.yml', folder), alertsYaml())
writeFileSync(new URL('holdfast.dashboard.json', folder), dashboardJson())
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')
execFileSync(process.execPath, [biome, 'format', '--write', fileURLToPath(folder)], {
  stdio: 'inherit',
})
