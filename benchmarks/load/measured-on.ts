import { readFileSync } from 'node:fs'
import { measuredOn as microMeasuredOn } from '../micro/measured-on.ts'

const measured = [
  'ioredis',
  'bentocache',
  'cacheable',
  'cache-manager',
  'layered-loader',
  '@keyv/redis',
]

/** As for the micro benchmarks, with the packages that are measured here. */
export function measuredOn() {
  return {
    ...microMeasuredOn(),
    versions: Object.fromEntries(measured.map((name) => [name, installedVersion(name)])),
  }
}

function installedVersion(name: string): string {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
