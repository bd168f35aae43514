import { builtinModules } from 'node:module'

const builtins = builtinModules.flatMap((name) => [name, `node:${name}`])

export default [
  {
    name: '@holdfast/core without lru-cache',
    path: 'packages/core/dist/index.js',
    ignore: ['lru-cache', ...builtins],
    gzip: true,
    limit: '15 kB',
  },
]
