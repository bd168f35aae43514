import { findProgram } from '@holdfast/lab/programs'
import { tell } from './story.ts'

if (findProgram('redis-server') === undefined) {
  console.error(
    'This example starts redis-servers of its own, and none is installed; run: sh scripts/ensure-servers.sh',
  )
  process.exitCode = 1
} else {
  await tell(console.log)
}
