import { answer, tell } from '../src/client-protocol.ts'

answer({
  echo: (value: unknown) => value,
  fail() {
    throw new RangeError('as asked')
  },
  never: () => new Promise(() => undefined),
  announce(words: string) {
    tell('announced', words)
  },
})
