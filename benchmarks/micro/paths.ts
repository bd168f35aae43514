export const resultsPath = new URL('../results/micro.json', import.meta.url)
export const pagePath = new URL('../../docs/benchmarks.md', import.meta.url)
