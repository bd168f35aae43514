import { findProgram } from '@holdfast/lab/programs'
import { tell } from './story.ts'

const missing = ['redis-server', 'memcached'].filter((name) => findProgram(name) === undefined)
if (missing.length > 0) {
  console.error(
    `This example starts ${missing.join(' and ')}, not installed here; run: sh scripts/ensure-servers.sh`,
  )
  process.exitCode = 1
} else {
  await tell(console.log)
}
