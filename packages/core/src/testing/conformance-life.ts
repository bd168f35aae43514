import assert from 'node:assert/strict'
import type { MetricsByServer, Store, StoreMetrics } from '../store/store.ts'
import { rejectsClosed, sameBytes, text, wait } from './conformance-case.ts'
import type { StoreCase } from './store-case.ts'

const minute = { ttlMs: 60_000 }

function onlyNumbers(metrics: StoreMetrics, what: string): void {
  for (const [name, value] of Object.entries(metrics)) {
    assert.equal(typeof value, 'number', `${what} ${name}`)
    assert.ok(value >= 0, `${what} ${name} is ${value}`)
  }
}

export const lifeCases: readonly StoreCase[] = [
  {
    name: 'metrics are numbers that are not negative, and unknown ones are absent',
    needs: ['metrics'],
    async check({ store, key }) {
      await store.set(key('a'), text('1'), minute)
      onlyNumbers(await store.metrics!(), 'the metric')
      const { metricsByServer } = store as Store & Partial<MetricsByServer>
      if (metricsByServer === undefined) return
      const servers = await metricsByServer.call(store)
      assert.ok(servers.size > 0, 'metricsByServer tells of no server')
      for (const [server, metrics] of servers) onlyNumbers(metrics, `of ${server} the metric`)
    },
  },
  {
    name: 'its bus carries a message from one handle to another',
    needs: ['bus'],
    async check({ store }) {
      const from = store.bus!()
      const to = store.bus!()
      try {
        const received: Uint8Array[] = []
        await new Promise<void>((resolve) => {
          to.subscribe(
            (message) => received.push(message),
            (state) => state === 'up' && resolve(),
          )
        })
        await from.publish(Uint8Array.of(0, 1, 255))
        for (let tries = 0; received.length === 0 && tries < 200; tries++) await wait(5)
        sameBytes(received[0], Uint8Array.of(0, 1, 255), 'the message')
      } finally {
        await from.close()
        await to.close()
      }
    },
  },
  {
    name: 'close may be called twice, also at once',
    needs: ['close'],
    async check({ store, key }) {
      await store.set(key('a'), text('1'), minute)
      await Promise.all([store.close!(), store.close!()])
      await store.close!()
    },
  },
  {
    name: 'every call after close rejects with a typed error within 10 ms',
    needs: ['close'],
    async check({ store, key }) {
      const name = key('a')
      await store.set(name, text('1'), minute)
      await store.close!()
      await rejectsClosed(() => store.get(name), 'get')
      await rejectsClosed(() => store.set(name, text('2'), minute), 'set')
      await rejectsClosed(() => store.delete(name), 'delete')
      if (store.getMany) await rejectsClosed(() => store.getMany!([name]), 'getMany')
      if (store.setMany) {
        const entry = { key: name, bytes: text('2'), ttlMs: 60_000 }
        await rejectsClosed(() => store.setMany!([entry]), 'setMany')
      }
      if (store.deleteMany) await rejectsClosed(() => store.deleteMany!([name]), 'deleteMany')
      if (store.add) await rejectsClosed(() => store.add!(name, text('2'), minute), 'add')
      if (store.replace) {
        await rejectsClosed(() => store.replace!(name, text('1'), text('2'), minute), 'replace')
      }
      if (store.touch) await rejectsClosed(() => store.touch!(name, minute), 'touch')
      if (store.metrics) await rejectsClosed(() => store.metrics!(), 'metrics')
      if (store.list) {
        await rejectsClosed(async () => store.list!(name)[Symbol.asyncIterator]().next(), 'list')
      }
    },
  },
  {
    name: 'calls in flight when it is closed settle, and none is answered wrongly',
    needs: ['close'],
    async check({ store, key }) {
      await store.set(key('a'), text('1'), minute)
      const calls = Array.from({ length: 100 }, () => store.get(key('a')))
      const closing = store.close!()
      const settled = await Promise.race([Promise.allSettled(calls), wait(2_000)])
      assert.ok(settled, 'calls are still waiting 2 s after close')
      for (const call of settled) {
        if (call.status === 'fulfilled') sameBytes(call.value, text('1'), 'get')
        else await rejectsClosed(() => Promise.reject(call.reason), 'a call in flight')
      }
      await closing
    },
  },
]
