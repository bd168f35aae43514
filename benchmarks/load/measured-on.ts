import { installedVersion, measuredOn as microMeasuredOn } from '../micro/measured-on.ts'

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
