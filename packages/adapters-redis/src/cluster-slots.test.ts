import { expect, test } from 'vitest'
import { parseClusterSlots } from './cluster-slots.ts'

const node = (host: string | null, port: unknown, id = 'id') => [
  host === null ? null : Buffer.from(host),
  port,
  Buffer.from(id),
  [],
]

test('it says who has which slot, and who follows whom', () => {
  const slots = parseClusterSlots(
    [
      [0, 100, node('10.0.0.1', 7000), node('10.0.0.2', 7000)],
      [101, 200, node('10.0.0.3', 7000)],
      [300, 300, node('10.0.0.1', 7000), node('10.0.0.2', 7000)],
    ],
    'asked',
  )!
  const ownerOf = (slot: number) => slots.groups[slots.groupOfSlot[slot]!]?.primary.host
  expect([0, 100, 101, 200, 201, 300].map(ownerOf)).toEqual([
    '10.0.0.1',
    '10.0.0.1',
    '10.0.0.3',
    '10.0.0.3',
    undefined,
    '10.0.0.1',
  ])
  expect(slots.groups[0]?.replicas).toEqual([{ host: '10.0.0.2', port: 7000 }])
})

test('a node that does not know its name is on the host that was asked', () => {
  const reply = [[0, 16_383, node(null, 7000), node('', 7001), node('?', 7002)]]
  const { groups } = parseClusterSlots(reply, 'asked')!
  expect(groups[0]?.primary).toEqual({ host: 'asked', port: 7000 })
  expect(groups[0]?.replicas.map(({ host }) => host)).toEqual(['asked', 'asked'])
})

test('addresses are translated where nodes are reached by others', () => {
  const map = new Map([['10.0.0.1:7000', { host: 'outside', port: 1 }]])
  const reply = [[0, 16_383, node('10.0.0.1', 7000)]]
  const { groups } = parseClusterSlots(
    reply,
    'asked',
    (at) => map.get(`${at.host}:${at.port}`) ?? at,
  )!
  expect(groups[0]?.primary).toEqual({ host: 'outside', port: 1 })
})

test.each([
  [undefined],
  [[]],
  [['__proto__']],
  [[[0, 16_384, node('10.0.0.1', 7000)]]],
  [[[-1, 5, node('10.0.0.1', 7000)]]],
  [[[5, 4, node('10.0.0.1', 7000)]]],
  [[[0.5, 4, node('10.0.0.1', 7000)]]],
  [[[0, 4]]],
  [[[0, 4, node('10.0.0.1', 99_999)]]],
  [[[0, 4, node('10.0.0.1', '7000')]]],
  [[[0, 4, node('no such/host', 7000)]]],
  [[[0, 4, node('10.0.0.1', 7000)], 'more']],
])('%j is no answer that is believed', (reply) => {
  expect(parseClusterSlots(reply, 'asked')).toBeUndefined()
})
