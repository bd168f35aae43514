import { expect, test } from 'vitest'
import { JoinedReads } from './joined-reads.ts'

/** Reads that end when they are told to, each with its number. */
function reads() {
  const ends: (() => void)[] = []
  let started = 0
  const start = () => {
    const mine = ++started
    return new Promise<number>((resolve, reject) => {
      ends.push(() => (mine === 13 ? reject(new Error('unlucky')) : resolve(mine)))
    })
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const endAll = async () => {
    for (const end of ends.splice(0)) end()
    await turn()
  }
  return { start, endAll, started: () => started, skipTo: (count: number) => (started = count) }
}

test('who asks while a file is being read shares the next read, which begins after they asked', async () => {
  const joined = new JoinedReads<number>()
  const { start, endAll, started } = reads()
  const first = joined.read('a', start)
  const [second, third] = [joined.read('a', start), joined.read('a', start)]
  expect(started()).toBe(1)
  await endAll()
  expect(await first).toBe(1)
  expect(started()).toBe(2)
  const fourth = joined.read('a', start)
  await endAll()
  expect(await Promise.all([second, third])).toEqual([2, 2])
  await endAll()
  expect(await fourth).toBe(3)
})

test('who asks when nothing is being read any more reads at once, and other names wait for nobody', async () => {
  const joined = new JoinedReads<number>()
  const { start, endAll, started } = reads()
  for (let round = 1; round <= 3; round++) {
    const answer = joined.read('a', start)
    expect(started()).toBe(round)
    await endAll()
    expect(await answer).toBe(round)
  }
  const both = [joined.read('a', start), joined.read('b', start)]
  expect(started()).toBe(5)
  await endAll()
  expect(await Promise.all(both)).toEqual([4, 5])
})

test('a read that fails fails for those who share it, and for nobody after', async () => {
  const joined = new JoinedReads<number>()
  const { start, endAll, skipTo } = reads()
  skipTo(11)
  const first = joined.read('a', start)
  const shared = [joined.read('a', start), joined.read('a', start)].map((each) =>
    expect(each).rejects.toThrow('unlucky'),
  )
  await endAll()
  expect(await first).toBe(12)
  await endAll()
  await Promise.all(shared)
  const after = joined.read('a', start)
  await endAll()
  expect(await after).toBe(14)
})
