/**
 * Stands in every secret of the tests: passwords, keys, signing and cookie secrets, tokens, what sessions hold. All
 * output of a test run is searched for it, in every form of leak-forms.ts, and it may be nowhere: scripts/watched.mjs
 * and leak-watch.ts look.
 */
export const canary = 'canary7q2Xm9Vk4'

/** A secret for a test: 40 letters or more that need no quoting anywhere. Another name is another secret. */
export function canarySecret(name: string): string {
  return `${canary}-${name}`.padEnd(40, '.')
}

/** A key for a test, of exactly 32 bytes. */
export function canaryKey(name: string): Buffer<ArrayBuffer> {
  const text = `${canary}-${name}`
  if (text.length > 32) throw new Error(`a canary key's name has at most 16 letters, not '${name}'`)
  return Buffer.from(text.padEnd(32, '.'))
}
