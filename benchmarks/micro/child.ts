import { candidateNamed } from './candidates.ts'
import { allocation, churn, hit, memory, memoryOfData, miss, together } from './measures.ts'

/*
 * One measurement in a process of its own: `child.ts <measure> <candidate>`. Its answer is one line of JSON.
 */

const [measure, name] = process.argv.slice(2)

async function measured(): Promise<unknown> {
  if (measure === 'memory' && name === 'data') return memoryOfData()
  const candidate = candidateNamed(String(name))
  switch (measure) {
    case 'hit':
      return hit(candidate)
    case 'miss':
      return miss(candidate)
    case 'together':
      return together(candidate, candidateNamed('floor'))
    case 'allocation':
      return allocation(candidate)
    case 'memory':
      return memory(candidate)
    case 'churn':
      return churn(candidate)
    default:
      throw new Error(`there is no measure '${measure}'`)
  }
}

console.log(JSON.stringify(await measured()))
// Some peers leave timers behind.
process.exit(0)
