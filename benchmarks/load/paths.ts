export const resultsPath = new URL('../results/far.json', import.meta.url)
export const pagePath = new URL('../../docs/benchmarks-far.md', import.meta.url)
