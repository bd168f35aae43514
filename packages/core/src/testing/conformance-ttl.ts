import assert from 'node:assert/strict'
import { headed, headOf, sameBytes, text } from './conformance-case.ts'
import type { StoreCase, Trial } from './store-case.ts'

const day = 86_400_000
/** Added to an end, for two clocks that do not run quite alike. */
const slackMs = 25

/** Waits until an entry written before `wroteBy` with this time to live must be gone, one step of the store included. */
async function passEnd(trial: Trial, wroteBy: number, ttlMs: number): Promise<void> {
  const endsAt = wroteBy + ttlMs + trial.capabilities.ttlGranularityMs + slackMs
  const remainingMs = endsAt - trial.elapsedMs()
  if (remainingMs > 0) await trial.pass(remainingMs)
}

/** Several steps long, so that an entry can be seen alive before its first possible end. */
const someSteps = (trial: Trial) => Math.max(120, trial.capabilities.ttlGranularityMs * 3)

export const ttlCases: readonly StoreCase[] = [
  {
    name: 'an entry ends with its time to live, at most one declared step early or late',
    async check(trial) {
      const { store, key } = trial
      const ttlMs = Math.max(400, someSteps(trial))
      const surelyMs = ttlMs - trial.capabilities.ttlGranularityMs
      const wroteFrom = trial.elapsedMs()
      await store.set(key('a'), text('1'), { ttlMs })
      const wroteBy = trial.elapsedMs()
      await trial.pass(surelyMs * 0.75)
      const seen = await store.get(key('a'))
      // On a machine that was too busy to look in time nothing can be said about the early side.
      if (trial.elapsedMs() - wroteFrom < surelyMs) sameBytes(seen, text('1'), 'get before the end')
      await passEnd(trial, wroteBy, ttlMs)
      sameBytes(await store.get(key('a')), undefined, 'get after the end')
    },
  },
  {
    name: 'a time to live below the step is rounded up to it and never lasts for good',
    async check(trial) {
      const { store, key } = trial
      // At several moments of a second: a store that counts seconds and says milliseconds would be lucky with one.
      const moments = [0, 1, 2, 3, 4]
      const written: { name: string; by: number; ttlMs: number }[] = []
      for (const moment of moments) {
        for (const ttlMs of [0.4, 1, 2.5]) {
          const name = `${moment} for ${ttlMs}`
          await store.set(key(name), text('short'), { ttlMs })
          written.push({ name, by: trial.elapsedMs(), ttlMs })
        }
        const last = written.at(-1)!
        await passEnd(trial, last.by, last.ttlMs)
        for (const { name, ttlMs } of written) {
          sameBytes(await store.get(key(name)), undefined, `${ttlMs} ms, long over`)
        }
        await trial.pass(150)
      }
    },
  },
  {
    name: 'a time to live that is already over stores nothing and removes what was there',
    async check({ store, key }) {
      for (const ttlMs of [0, -1, -60_000]) {
        await store.set(key('fresh'), text('1'), { ttlMs })
        sameBytes(await store.get(key('fresh')), undefined, `set for ${ttlMs} ms`)
        await store.set(key('old'), text('1'), { ttlMs: 60_000 })
        await store.set(key('old'), text('2'), { ttlMs })
        sameBytes(await store.get(key('old')), undefined, `overwritten for ${ttlMs} ms`)
      }
    },
  },
  {
    name: 'an infinite time to live does not end',
    async check({ store, key, pass, capabilities }) {
      await store.set(key('a'), text('1'), { ttlMs: Number.POSITIVE_INFINITY })
      await pass(capabilities.ttlGranularityMs + slackMs)
      sameBytes(await store.get(key('a')), text('1'), 'get')
    },
  },
  {
    name: 'long times to live do not wrap round: a month and a day, a year, fifty years, beyond all dates',
    async check({ store, key, pass, capabilities }) {
      const spans = [31 * day, 366 * day, 50 * 365 * day, 9e15, Number.MAX_VALUE]
      for (const ttlMs of spans) await store.set(key(`${ttlMs}`), text('1'), { ttlMs })
      await pass(capabilities.ttlGranularityMs + slackMs)
      for (const ttlMs of spans) {
        sameBytes(await store.get(key(`${ttlMs}`)), text('1'), `kept for ${ttlMs} ms`)
      }
    },
  },
  {
    name: 'a new set brings its own time to live',
    async check(trial) {
      const { store, key } = trial
      const ttlMs = someSteps(trial)
      await store.set(key('longer'), text('1'), { ttlMs })
      await store.set(key('longer'), text('2'), { ttlMs: Number.POSITIVE_INFINITY })
      await store.set(key('shorter'), text('1'), { ttlMs: Number.POSITIVE_INFINITY })
      await store.set(key('shorter'), text('2'), { ttlMs })
      await passEnd(trial, trial.elapsedMs(), ttlMs)
      sameBytes(await store.get(key('longer')), text('2'), 'short, then infinite')
      sameBytes(await store.get(key('shorter')), undefined, 'infinite, then short')
    },
  },
  {
    name: 'touch gives a new time to live, longer or shorter, and leaves the bytes alone',
    needs: ['touch'],
    async check(trial) {
      const { store, key } = trial
      const ttlMs = someSteps(trial)
      await store.set(key('longer'), text('1'), { ttlMs })
      assert.equal(await store.touch!(key('longer'), { ttlMs: 60_000 }), true)
      await store.set(key('infinite'), text('2'), { ttlMs })
      assert.equal(await store.touch!(key('infinite'), { ttlMs: Number.POSITIVE_INFINITY }), true)
      await store.set(key('shorter'), text('3'), { ttlMs: 60_000 })
      assert.equal(await store.touch!(key('shorter'), { ttlMs }), true)
      await store.set(key('over'), text('4'), { ttlMs: 60_000 })
      await store.touch!(key('over'), { ttlMs: 0 })
      sameBytes(await store.get(key('over')), undefined, 'touched for 0 ms')
      await passEnd(trial, trial.elapsedMs(), ttlMs)
      sameBytes(await store.get(key('longer')), text('1'), 'made longer')
      sameBytes(await store.get(key('infinite')), text('2'), 'made infinite')
      sameBytes(await store.get(key('shorter')), undefined, 'made shorter')
    },
  },
  {
    name: 'touch says false for what is not there, never was or has ended, and creates nothing',
    needs: ['touch'],
    async check(trial) {
      const { store, key } = trial
      assert.equal(await store.touch!(key('never'), { ttlMs: 60_000 }), false)
      sameBytes(await store.get(key('never')), undefined, 'never stored')
      const ttlMs = 20
      await store.set(key('ended'), text('1'), { ttlMs })
      await passEnd(trial, trial.elapsedMs(), ttlMs)
      assert.equal(await store.touch!(key('ended'), { ttlMs: 60_000 }), false)
      sameBytes(await store.get(key('ended')), undefined, 'ended')
    },
  },
  {
    name: 'what add stored ends with its time to live, and then there is room for another add',
    needs: ['add'],
    async check(trial) {
      const { store, key } = trial
      const ttlMs = someSteps(trial)
      sameBytes(await store.add!(key('a'), text('1'), { ttlMs }), undefined, 'the first add')
      await passEnd(trial, trial.elapsedMs(), ttlMs)
      sameBytes(await store.get(key('a')), undefined, 'get after the end')
      sameBytes(
        await store.add!(key('a'), text('2'), { ttlMs: 60_000 }),
        undefined,
        'add after the end',
      )
      sameBytes(await store.get(key('a')), text('2'), 'get after the second add')
    },
  },
  {
    name: 'an add that found something leaves its time to live alone',
    needs: ['add'],
    async check(trial) {
      const { store, key } = trial
      const ttlMs = someSteps(trial)
      await store.set(key('a'), text('1'), { ttlMs })
      await store.add!(key('a'), text('2'), { ttlMs: 60_000 })
      await passEnd(trial, trial.elapsedMs(), ttlMs)
      sameBytes(await store.get(key('a')), undefined, 'get after the first end')
    },
  },
  {
    name: 'add keeps without end when asked, and nothing when its time is already over',
    needs: ['add'],
    async check({ store, key, pass, capabilities }) {
      await store.add!(key('infinite'), text('1'), { ttlMs: Number.POSITIVE_INFINITY })
      sameBytes(await store.add!(key('over'), text('1'), { ttlMs: 0 }), undefined, 'add for 0 ms')
      sameBytes(await store.get(key('over')), undefined, 'get of what was added for 0 ms')
      await pass(capabilities.ttlGranularityMs + slackMs)
      sameBytes(await store.get(key('infinite')), text('1'), 'get of what was added without end')
    },
  },
  {
    name: 'replace brings its own time to live, longer, shorter, infinite or over',
    needs: ['replace'],
    async check(trial) {
      const { store, key } = trial
      const ttlMs = someSteps(trial)
      const cases: [string, number, number][] = [
        ['longer', ttlMs, 60_000],
        ['infinite', ttlMs, Number.POSITIVE_INFINITY],
        ['shorter', 60_000, ttlMs],
        ['over', 60_000, 0],
      ]
      for (const [name, first, second] of cases) {
        await store.set(key(name), headed(1, 'old'), { ttlMs: first })
        const replaced = await store.replace!(key(name), headOf(1), headed(2, 'new'), {
          ttlMs: second,
        })
        assert.equal(replaced, true, name)
      }
      sameBytes(await store.get(key('over')), undefined, 'replaced for 0 ms')
      await passEnd(trial, trial.elapsedMs(), ttlMs)
      sameBytes(await store.get(key('longer')), headed(2, 'new'), 'made longer')
      sameBytes(await store.get(key('infinite')), headed(2, 'new'), 'made infinite')
      sameBytes(await store.get(key('shorter')), undefined, 'made shorter')
    },
  },
  {
    name: 'replace refuses what has ended',
    needs: ['replace'],
    async check(trial) {
      const { store, key } = trial
      await store.set(key('a'), headed(1, 'old'), { ttlMs: 20 })
      await passEnd(trial, trial.elapsedMs(), 20)
      const replaced = await store.replace!(key('a'), headOf(1), headed(2, 'new'), {
        ttlMs: 60_000,
      })
      assert.equal(replaced, false)
      sameBytes(await store.get(key('a')), undefined, 'get')
    },
  },
]
