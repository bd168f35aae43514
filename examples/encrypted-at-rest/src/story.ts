import { randomBytes } from 'node:crypto'
import { createCache, type EncryptionKey, encryptedStore } from '@holdfast/core'
import { startRedis } from '@holdfast/lab/redis-server'
import { redisStore } from '@holdfast/redis'
import { Redis } from 'ioredis'

/** What happened, in numbers. */
export interface Told {
  readonly readableWithout: boolean
  readonly readableWith: boolean
  readonly refusedInClear: boolean
  readonly plantedServed: boolean
  readonly loadsInRotation: number
  readonly shreddedMisses: number
  readonly loadsAfterShredding: number
}

interface Patient {
  readonly name: string
  readonly diagnosis: string
}

const newKey = (id: string): EncryptionKey => ({ id, secret: randomBytes(32) })

/** Starts a Redis, keeps a patient's record in it, and looks at the bytes as somebody with access to Redis would. */
export async function tell(say: (line: string) => void): Promise<Told> {
  const server = await startRedis()
  const redis = new Redis({ host: '127.0.0.1', port: server.port })
  const inner = redisStore(redis)
  const look = async (key: string) => (await redis.getBuffer(key)) ?? Buffer.alloc(0)
  const ada: Patient = { name: 'Ada', diagnosis: 'hay fever' }
  let loads = 0
  const load = async () => {
    loads++
    return ada
  }
  try {
    say('Without encryption, whoever can read Redis reads this:')
    const open = createCache({ name: 'open', store: inner })
    await open.wrap('patient:7', load)
    const clear = await look('open:patient:7')
    say(`  ${printable(clear)}`)
    await open.close()

    // A real service asks its key service here. The first key writes, all of them read.
    let keys = [newKey('2026-11')]
    const store = encryptedStore(inner, { keys: () => keys, reread: 0 })
    const patients = createCache({ name: 'patients', store, memory: false, sensitive: true })
    say('With encryptedStore, this; the 17 bytes at its start are a random stamp:')
    await patients.wrap('patient:7', load)
    const sealed = await look('patients:patient:7')
    say(`  ${printable(sealed)}`)

    let refusedInClear = false
    try {
      createCache({ name: 'patients', store: inner, sensitive: true })
    } catch (error) {
      refusedInClear = true
      say(`A cache declared sensitive refuses the store in clear:\n  ${(error as Error).message}`)
    }

    await redis.copy('open:patient:7', 'patients:patient:8')
    const planted = await patients.get('patient:8')
    say(`A record planted in clear is ${planted === undefined ? 'a miss' : 'SERVED'}.`)

    const before = loads
    const next = newKey('2026-12')
    keys = [...keys, next] // 1. everybody can read it
    await patients.wrap('patient:7', load)
    keys = [next, ...keys.slice(0, 1)] // 2. everybody writes it
    await patients.wrap('patient:7', load)
    await patients.set('patient:9', ada)
    const loadsInRotation = loads - before
    say(`The key is rotated: ${loadsInRotation} values had to be loaded again.`)
    // Reading seals what outlives all values, the two versions of the namespace, with the new key.
    while (store.stats().resealed < 2) await patients.get('patient:9')

    keys = [next] // 3. what only the old key opens is gone
    const { unknownKey } = store.stats().refused
    await patients.getMany(['patient:7', 'patient:9'])
    const shreddedMisses = store.stats().refused.unknownKey - unknownKey
    await patients.wrap('patient:9', load)
    const atNine = loads - before
    await patients.wrap('patient:7', load)
    const loadsAfterShredding = loads - before
    say(
      `The old key is dropped: ${shreddedMisses} value is a counted miss, though its bytes still lie there and in every backup; ` +
        `loaded again: ${loadsAfterShredding - atNine} of those sealed with it, ${atNine} of those sealed since.`,
    )
    await patients.close()
    return {
      readableWithout: clear.includes(ada.diagnosis),
      readableWith: sealed.includes(ada.diagnosis) || sealed.includes(ada.name),
      refusedInClear,
      plantedServed: planted !== undefined,
      loadsInRotation,
      shreddedMisses,
      loadsAfterShredding,
    }
  } finally {
    redis.disconnect()
    await server.stop()
  }
}

/** Bytes as `strings` and `less` show them: what is text can be read. */
function printable(bytes: Buffer): string {
  return bytes.toString('latin1').replaceAll(/[^ -~]/g, '·')
}
