/** A value in terms of plain JSON, as the Python reader of docs/concepts/envelope.md prints it. */
export function describeValue(value: unknown): unknown {
  if (value === undefined) return ['undefined']
  if (typeof value === 'bigint') return ['bigint', value.toString(16)]
  if (typeof value === 'number') {
    if (Object.is(value, -0)) return ['number', '-0']
    return Number.isFinite(value) ? value : ['number', String(value)]
  }
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return ['date', value.getTime()]
  if (value instanceof RegExp) return ['regexp', value.source, value.flags]
  if (value instanceof Map) {
    return ['map', [...value].map(([key, item]) => [describeValue(key), describeValue(item)])]
  }
  if (value instanceof Set) return ['set', [...value].map(describeValue)]
  const binary = binaryCodes.find(([type]) => value instanceof type)
  if (binary !== undefined) return [binary[1], hexOf(value)]
  if (Array.isArray(value)) {
    return Array.from(value, (item, i) => (i in value ? describeValue(item) : ['hole']))
  }
  const members = Object.entries(value).map(([name, item]) => [name, describeValue(item)])
  return Object.getPrototypeOf(value) === null ? ['bare', members] : Object.fromEntries(members)
}

const binaryCodes: readonly [new (...args: never[]) => object, string][] = [
  [Buffer, 'buffer'],
  [Uint8Array, 'u1'],
  [Int16Array, 'i2'],
  [BigUint64Array, 'u8'],
  [Float64Array, 'f8'],
  [ArrayBuffer, 'memory'],
]

function hexOf(value: object): string {
  const bytes = ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value as ArrayBuffer)
  return bytes.toString('hex')
}
