import { faultyStore } from '@holdfast/core/testing'
import { describe, expect, test } from 'vitest'
import { newSessionId } from '../../src/session/session-id.ts'
import { idOf, place, user, Visitor } from './visitor.ts'

async function known() {
  const { sessions, store: inner, clock } = place()
  const first = new Visitor(sessions)
  await first.ask((session) => session.set('user_id', user))
  const store = faultyStore(inner, { faults: [], clock })
  const watched = place({ store, clock }).sessions
  return { value: first.cookie!.slice('__Host-session='.length), store, sessions: watched }
}

const name = '__Host-session'
const stranger = newSessionId()

describe('a cookie that no secret has signed is a new visitor, and the store is not asked', () => {
  test.for<[string, (value: string) => string]>([
    ['an id of the right shape without a signature', () => `${name}=${stranger}`],
    ['a signature of somebody else', (value) => `${name}=${stranger}.${value.split('.')[1]}`],
    ['a signature of zeros', (value) => `${name}=${value.split('.')[0]}.${'A'.repeat(43)}`],
    ['a truncated signature', (value) => `${name}=${value.slice(0, -1)}`],
    ['a truncated id', (value) => `${name}=${value.slice(1)}`],
    ['one letter more', (value) => `${name}=${value}A`],
    ['its letters doubled', (value) => `${name}=${value}${value}`],
    [
      'letters that are not base64url',
      (value) => `${name}=${value.slice(0, 43)}.${'+/'.repeat(21)}=`,
    ],
    ['letters beyond ASCII', (value) => `${name}=${value.slice(0, -1)}\u00e9`],
    ['8 KiB', (value) => `${name}=${value}${'x'.repeat(8_192)}`],
    ['8 KiB of cookies', () => `${name}=${stranger}.x; `.repeat(140)],
    ['nothing', () => `${name}=`],
    ['no equals sign', (value) => `${name}${value}`],
    ['another name', (value) => `x${name}=${value}`],
    ['the name in other letters', (value) => `${name.toUpperCase()}=${value}`],
    ['quotes inside', (value) => `${name}=${value.slice(0, 43)}"."${value.slice(44)}`],
    ['a percent encoding', (value) => `${name}=${value.replace('.', '%2E')}`],
    ['__proto__', () => `${name}=__proto__; __proto__=${stranger}`],
  ])('%s', async ([, forge]) => {
    const { value, store, sessions } = await known()
    const visitor = new Visitor(sessions, forge(value))
    expect(await visitor.see((session) => [session.isNew, session.data])).toEqual([true, {}])
    const asked = visitor.cookie
    for (const operation of ['get', 'getMany', 'set', 'add', 'replace', 'touch', 'delete'] as const)
      expect(store.calls(operation)).toBe(0)
    // What such a visitor keeps is kept under an id of ours.
    await visitor.ask((session) => session.set('basket', 1))
    expect(visitor.cookie).not.toBe(asked)
    expect([stranger, value.slice(0, 43)]).not.toContain(idOf(visitor.cookie))
    expect(store.calls('get')).toBe(0)
  })

  test('every single changed letter of a signature, also one that decodes to the same bytes', async () => {
    const { value, store, sessions } = await known()
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (let at = 0; at < value.length; at++) {
      for (const letter of letters) {
        if (value[at] === letter || value[at] === '.') continue
        const forged = value.slice(0, at) + letter + value.slice(at + 1)
        const visitor = new Visitor(sessions, `${name}=${forged}`)
        if (!(await visitor.see((session) => session.isNew))) throw new Error(`accepted at ${at}`)
      }
    }
    expect(store.calls('get')).toBe(0)
    expect(sessions.stats().rejected).toBe((value.length - 1) * 63)
  })
})

test('of several cookies of the name the first that verifies counts', async () => {
  const { value, store, sessions } = await known()
  const other = new Visitor(sessions)
  await other.ask((session) => session.set('user_id', 'other'))
  const otherValue = other.cookie!.slice(name.length + 1)
  const read = async (header: string) =>
    new Visitor(sessions, header).see((session) => session.get('user_id') ?? null)
  const before = store.calls('get')
  expect(await read(`${name}=forged; ${name}=${value}; ${name}=${otherValue}`)).toBe(user)
  expect(await read(`${name}=${otherValue}; ${name}=${value}`)).toBe('other')
  expect(await read(`a=b;${name}="${value}" ; c`)).toBe(user)
  // One read each: the first that verifies is the only one that is looked for.
  expect(store.calls('get') - before).toBe(3)
})

test('a signed id that is not stored any more is not adopted', async () => {
  const { value, store, sessions } = await known()
  const id = idOf(`${name}=${value}`)
  await store.delete(`session:${id}`)
  const visitor = new Visitor(sessions, `${name}=${value}`)
  await visitor.ask((session) => {
    expect(session.id).not.toBe(id)
    session.set('a', 1)
  })
  expect(idOf(visitor.cookie)).not.toBe(id)
  expect(sessions.stats().unknown).toBe(1)
})

test('of 1,000,000 ids none repeats, and each of their 256 bits is set in half of them', () => {
  const count = 1_000_000
  const seen = new Set<string>()
  const ones = new Array<number>(256).fill(0)
  for (let drawn = 0; drawn < count; drawn++) {
    const id = newSessionId()
    seen.add(id)
    if (drawn % 50 !== 0) continue
    const bytes = Buffer.from(id, 'base64url')
    for (let bit = 0; bit < 256; bit++) ones[bit]! += (bytes[bit >> 3]! >> (bit & 7)) & 1
  }
  expect(seen.size).toBe(count)
  // Of 20,000 draws; five and a half standard deviations are 2 %.
  for (const one of ones) expect(Math.abs(one / (count / 50) - 0.5)).toBeLessThan(0.02)
})

describe('the cookie follows its options', () => {
  test.for([
    [{}, /^__Host-session=.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/],
    [{ secure: false }, /^session=.*; Path=\/; HttpOnly; SameSite=Lax$/],
    [
      { domain: 'shop.example' },
      /^__Secure-session=.*; Path=\/; Domain=shop.example; HttpOnly; Secure; SameSite=Lax$/,
    ],
    [{ path: '/app' }, /^__Secure-session=.*; Path=\/app; HttpOnly; Secure; SameSite=Lax$/],
    [{ name: 'sid', sameSite: 'strict' }, /^sid=.*; Secure; SameSite=Strict$/],
    [{ sameSite: 'none' }, /SameSite=None$/],
  ] as const)('%j', async ([cookie, expected]) => {
    const { sessions } = place({ cookie })
    const visitor = new Visitor(sessions)
    await visitor.ask((session) => session.set('a', 1))
    expect(visitor.lastSetCookie).toMatch(expected)
    expect(await visitor.see((session) => session.get('a'))).toBe(1)
  })
})
