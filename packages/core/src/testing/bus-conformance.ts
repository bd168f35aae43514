import assert from 'node:assert/strict'
import { readFunction, readObject } from '../options/readers.ts'
import type { Bus, BusState } from '../store/store.ts'
import {
  type ConformanceCase,
  eventually,
  rejectsClosed,
  sameBytes,
  text,
  wait,
} from './conformance-case.ts'

/** A bus on trial, for buses that need more than themselves. */
export interface BusOnTrial {
  readonly bus: Bus
  /** A second handle on the same channel, as another process has it. Absent: the one handle speaks to itself. */
  readonly peer?: Bus
  /** Cuts the link of `bus`; `heal` restores it. Absent: the cases about a lost link say that they do not apply. */
  cut?(): void | Promise<void>
  heal?(): void | Promise<void>
  /** Run after the case, when the buses have been closed. */
  release?(): void | Promise<void>
}

export interface BusConformanceOptions {
  /** Makes a bus for one case, on a channel that no other case uses at the same time. */
  create(): Bus | BusOnTrial | Promise<Bus | BusOnTrial>
  /** A message is delivered, and a change of the link reported, within this time. Default 3,000 ms. */
  readonly withinMs?: number
}

interface Trial extends BusOnTrial {
  readonly peer: Bus
  readonly withinMs: number
}

interface BusCase {
  readonly name: string
  readonly needsCut?: boolean
  check(trial: Trial): Promise<void>
}

/** The named cases that every bus passes, on `node:assert` and for any runner. */
export function busConformance(options: BusConformanceOptions): ConformanceCase[] {
  readObject(options, 'busConformance')
  readFunction(options.create, 'create')
  return busCases.map((each) => ({ name: each.name, run: () => runCase(each, options) }))
}

async function runCase(each: BusCase, options: BusConformanceOptions) {
  const created = await options.create()
  const trialled: BusOnTrial = 'bus' in created ? created : { bus: created }
  const { bus, peer = bus } = trialled
  try {
    if (each.needsCut === true && (trialled.cut === undefined || trialled.heal === undefined)) {
      return { skipped: 'the link of this bus cannot be cut by the test' }
    }
    await each.check({ ...trialled, peer, withinMs: options.withinMs ?? 3_000 })
    return {}
  } finally {
    await bus.close()
    await peer.close()
    await trialled.release?.()
  }
}

/** A listener that writes down what it is told. */
function listen(bus: Bus) {
  const messages: Uint8Array[] = []
  const states: BusState[] = []
  const end = bus.subscribe(
    (message) => messages.push(message),
    (state) => states.push(state),
  )
  return { messages, states, end }
}

async function listenUp(bus: Bus, withinMs: number) {
  const listener = listen(bus)
  await eventually(() => listener.states.at(-1) === 'up', withinMs, `the state 'up'`)
  return listener
}

const busCases: readonly BusCase[] = [
  {
    name: 'says up once messages arrive, and not before subscribe has returned',
    async check({ bus, withinMs }) {
      const listener = listen(bus)
      assert.deepEqual(listener.states, [])
      await eventually(() => listener.states.length > 0, withinMs, 'a first state')
      assert.equal(listener.states.at(-1), 'up')
    },
  },
  {
    name: 'carries a message to another handle and to its own subscribers',
    async check({ bus, peer, withinMs }) {
      const here = await listenUp(bus, withinMs)
      const there = await listenUp(peer, withinMs)
      await bus.publish(text('hello'))
      await eventually(
        () => here.messages.length > 0 && there.messages.length > 0,
        withinMs,
        'the message',
      )
      sameBytes(here.messages[0], text('hello'), 'at its own subscriber')
      sameBytes(there.messages[0], text('hello'), 'at the other handle')
    },
  },
  {
    name: 'carries bytes unchanged: every byte there is, line ends, 64 KiB',
    async check({ bus, peer, withinMs }) {
      const messages = [
        Uint8Array.from({ length: 256 }, (_, index) => index),
        text('a\r\nPUBLISH x y\r\n$-1\r\n'),
        Uint8Array.of(0xff, 0xfe, 0xc0),
        new Uint8Array(65_536).fill(0xa5),
      ]
      const there = await listenUp(peer, withinMs)
      for (const message of messages) await bus.publish(message)
      await eventually(() => there.messages.length === messages.length, withinMs, 'all messages')
      for (const [index, message] of messages.entries()) {
        sameBytes(there.messages[index], message, `message ${index}`)
      }
    },
  },
  {
    name: 'keeps the order of one publisher over 1,000 messages, and delivers each once',
    async check({ bus, peer, withinMs }) {
      const there = await listenUp(peer, withinMs)
      const numbers = Array.from({ length: 1_000 }, (_, index) => index)
      await Promise.all(numbers.map((number) => bus.publish(text(`${number}`))))
      await eventually(() => there.messages.length >= 1_000, withinMs, '1,000 messages')
      await wait(20)
      const received = there.messages.map((message) => Number(Buffer.from(message).toString()))
      assert.deepEqual(received, numbers)
    },
  },
  {
    name: 'gives each subscriber bytes of its own, and keeps none that the publisher may change',
    async check({ bus, peer, withinMs }) {
      const first = await listenUp(peer, withinMs)
      const second = await listenUp(peer, withinMs)
      const message = text('original')
      await bus.publish(message)
      message.fill(0)
      await eventually(() => first.messages.length + second.messages.length === 2, withinMs, 'both')
      sameBytes(first.messages[0], text('original'), 'the first subscriber')
      first.messages[0]!.fill(0)
      sameBytes(second.messages[0], text('original'), 'the second subscriber')
    },
  },
  {
    name: 'ends one subscription without touching the others',
    async check({ bus, peer, withinMs }) {
      const leaving = await listenUp(peer, withinMs)
      const staying = await listenUp(peer, withinMs)
      leaving.end()
      leaving.end()
      await bus.publish(text('after'))
      await eventually(() => staying.messages.length === 1, withinMs, 'the one who stayed')
      assert.equal(leaving.messages.length, 0)
    },
  },
  {
    name: 'may be subscribed to again after the last subscription has ended',
    async check({ bus, peer, withinMs }) {
      const before = await listenUp(peer, withinMs)
      before.end()
      const again = await listenUp(peer, withinMs)
      await bus.publish(text('again'))
      await eventually(() => again.messages.length === 1, withinMs, 'the message')
    },
  },
  {
    name: 'calls nobody after close, refuses to publish within 10 ms, and may be closed twice',
    async check({ bus, peer, withinMs }) {
      const here = await listenUp(bus, withinMs)
      const statesBefore = here.states.length
      await Promise.all([bus.close(), bus.close()])
      await rejectsClosed(() => bus.publish(text('late')), 'publish')
      if (peer !== bus) await peer.publish(text('from elsewhere'))
      await wait(50)
      assert.equal(here.messages.length, 0)
      assert.equal(here.states.length, statesBefore)
    },
  },
  {
    name: 'says down when its link is cut, up when it is back, and carries messages again',
    needsCut: true,
    async check({ bus, peer, cut, heal, withinMs }) {
      const here = await listenUp(bus, withinMs)
      await cut!()
      await eventually(() => here.states.at(-1) === 'down', withinMs, `the state 'down'`)
      await heal!()
      await eventually(() => here.states.at(-1) === 'up', withinMs, `the state 'up' again`)
      const before = here.messages.length
      // A peer on the same link may itself need a moment to come back.
      await eventually(
        async () => {
          await peer.publish(text('back')).catch(() => undefined)
          return here.messages.length > before
        },
        withinMs,
        'a message after the link came back',
      )
    },
  },
]
