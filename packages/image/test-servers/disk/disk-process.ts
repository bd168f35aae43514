import { answer } from '@holdfast/lab/client-protocol'
import { diskStore } from '../../src/index.ts'

/** One of several processes on one folder. */
const [directory, maxBytes] = process.argv.slice(2) as [string, string]
const store = diskStore({ directory, maxBytes: Number(maxBytes) })

/** Bytes that tell which key they belong to, and whether they are whole. */
const bytesOf = (key: string, byte: number, length: number) => {
  const bytes = Buffer.alloc(length, byte)
  bytes.write(key)
  return bytes
}

answer({
  /** Writes and reads keys of a shared range; what is read has to be whole and of its key. */
  async churn(seed: number, rounds: number, keys: number) {
    const wrong: string[] = []
    let found = 0
    for (let round = 0; round < rounds; round++) {
      const key = `key ${(seed + round * 7) % keys} `
      if (round % 3 === 0) {
        const length = 1_000 + ((seed * 31 + round * 97) % 30_000)
        await store.set(key, bytesOf(key, seed, length), { ttlMs: 60_000 })
      } else {
        const bytes = await store.get(key)
        if (bytes === undefined) continue
        found++
        const rest = bytes.subarray(key.length)
        const isWhole =
          Buffer.from(bytes.subarray(0, key.length)).toString() === key &&
          rest.every((byte) => byte === rest[0])
        if (!isWhole) wrong.push(key)
      }
    }
    return { wrong, found }
  },
  async write(key: string, length: number) {
    await store.set(key, bytesOf(key, 1, length), { ttlMs: 600_000 })
  },
  /** Writes for ever, until it is killed. */
  async writeOn() {
    for (let round = 0; ; round++)
      await store.set(`on ${round % 50}`, bytesOf('on', 1, 200_000), { ttlMs: 60_000 })
  },
  has: async (key: string) => (await store.get(key)) !== undefined,
  metrics: () => store.metrics(),
  async refused(key: string, length: number) {
    try {
      await store.set(key, bytesOf(key, 2, length), { ttlMs: 600_000 })
      return undefined
    } catch (error) {
      const { name, kind, message } = error as { name: string; kind: string; message: string }
      return { name, kind, message }
    }
  },
})
