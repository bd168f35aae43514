export const resultsPath = new URL('../results/behaviour.json', import.meta.url)
export const pagePath = new URL('../../docs/comparison.md', import.meta.url)
export const readmePath = new URL('../../README.md', import.meta.url)
