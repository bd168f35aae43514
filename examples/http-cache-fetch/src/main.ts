import { setTimeout as sleep } from 'node:timers/promises'
import { play } from './story.ts'

for (const { what, body, cacheStatus, asked } of await play(sleep)) {
  console.log(`${what}\n  ${body}\n  Cache-Status: ${cacheStatus}\n  requests so far: ${asked}\n`)
}
