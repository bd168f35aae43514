import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConnectionQueue, Operation } from './connection-queue.ts'

class Numbered extends Operation<never> {
  readonly name = 'get'
  readonly requestBytes: number
  readonly id: number

  constructor(id: number) {
    super()
    this.id = id
    this.requestBytes = id
  }

  encode(): Uint8Array {
    return new Uint8Array(this.requestBytes)
  }

  take(): boolean {
    return true
  }

  fail(): void {}
}

/** The same queue as plain lists, slow and plain to see. */
class Model {
  sent: Numbered[] = []
  unsent: Numbered[] = []

  get all() {
    return [...this.sent, ...this.unsent]
  }
}

const ids = (operations: readonly (Operation<never> | undefined)[]) =>
  operations.map((operation) => (operation as Numbered | undefined)?.id)

test('does what plain lists would do, in any order of events', () => {
  const event = fc.constantFrom('push', 'push', 'push', 'write', 'answer', 'expire', 'clear')
  fc.assert(
    fc.property(fc.array(event, { maxLength: 300 }), (events) => {
      const queue = new ConnectionQueue<never>()
      const model = new Model()
      let id = 0
      for (const each of events) {
        if (each === 'push') {
          const operation = new Numbered(++id)
          queue.push(operation)
          model.unsent.push(operation)
        } else if (each === 'write') {
          const written: Operation<never>[] = []
          for (let next = queue.nextUnsent(); next; next = queue.nextUnsent()) written.push(next)
          expect(ids(written)).toEqual(ids(model.unsent))
          model.sent.push(...model.unsent.splice(0))
        } else if (each === 'answer') {
          expect(ids([queue.first])).toEqual(ids([model.sent[0]]))
          if (model.sent.shift() !== undefined) queue.shift()
        } else if (each === 'expire') {
          const due = model.all.find(({ isOver }) => !isOver)
          expect(ids([queue.nextDue])).toEqual(ids([due]))
          if (due === undefined) continue
          const wasSent = model.sent.includes(due)
          expect(queue.expireNext()).toBe(wasSent)
          expect(due.isOver).toBe(true)
          if (!wasSent) model.unsent.shift()
        } else {
          expect(ids(queue.takeAll())).toEqual(ids(model.all.filter(({ isOver }) => !isOver)))
          model.sent = []
          model.unsent = []
        }
        expect(queue.size).toBe(model.all.length)
        expect(queue.unanswered).toBe(model.sent.length)
        expect(queue.bytes).toBe(model.all.reduce((sum, { requestBytes }) => sum + requestBytes, 0))
      }
    }),
  )
})

test('keeps its order when what was answered is cut off behind it', () => {
  const queue = new ConnectionQueue<never>()
  for (let id = 1; id <= 10_000; id++) {
    queue.push(new Numbered(id))
    queue.nextUnsent()
    if (id <= 3) continue
    expect(ids([queue.first])).toEqual([id - 3])
    queue.shift()
  }
  expect(ids(queue.takeAll())).toEqual([9_998, 9_999, 10_000])
})
