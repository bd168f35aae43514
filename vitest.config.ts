import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Tests read the packages' sources; nothing has to be built first.
  ssr: { resolve: { conditions: [...defaultServerConditions, 'holdfast-source'] } },
  test: {
    // By default one core would be left idle; much of what runs here waits for servers.
    maxWorkers: 2,
    // Searches what never reaches the output for secrets: words of child processes, errors.
    setupFiles: ['./lab/src/leak-watch.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // Nothing here waits for time; a property over many seeds may take a while on a busy machine.
          testTimeout: 180_000,
          include: [
            'packages/*/src/**/*.test.ts',
            'packages/{core,image}/test/**/*.test.ts',
            'examples/*/*.test.ts',
            'examples/*/src/**/*.test.ts',
            'benchmarks/**/*.test.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          // After the others: models and properties that take a whole core for seconds would sit beside stories that
          // measure how long somebody waits.
          sequence: { groupOrder: 1 },
          include: [
            'packages/adapters-*/test/**/*.test.ts',
            '{packages,examples}/*/test-servers/**/*.test.ts',
            'lab/**/*.test.ts',
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Stories of real processes on a machine that others use, too: CI tries one again before it calls it red.
          retry: process.env.CI === undefined ? 0 : 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['packages/**/*.test-d.ts'],
            tsconfig: './tsconfig.json',
          },
        },
      },
    ],
  },
})
