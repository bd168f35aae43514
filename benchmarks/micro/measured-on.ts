import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'

const measured = [
  'lru-cache',
  'layered-loader',
  'async-cache-dedupe',
  'cache-manager',
  '@epic-web/cachified',
  'bentocache',
  'cacheable',
]

/** What ran the figures: enough to judge them, and nothing that names a machine. */
export function measuredOn(): {
  date: string
  node: string
  machine: string
  versions: Record<string, string>
} {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    machine: `${process.platform} ${process.arch}, ${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown processor'}`,
    versions: Object.fromEntries(measured.map((name) => [name, installedVersion(name)])),
  }
}

export function installedVersion(name: string): string {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
