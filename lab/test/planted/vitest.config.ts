import { defineConfig } from 'vitest/config'
import everyTest from '../../../vitest.config.ts'

/** Runs the planted leaks with what watches all other tests, whatever that is. */
export default defineConfig({
  ssr: { ...everyTest.ssr },
  test: {
    setupFiles: [...(everyTest.test?.setupFiles ?? [])],
    root: new URL('../../..', import.meta.url).pathname,
    include: ['lab/test/planted/*.planted.ts'],
    // One leak makes all later tests of its file red.
    isolate: true,
  },
})
