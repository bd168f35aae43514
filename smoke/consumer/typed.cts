import core = require('@holdfast/core')

export const cache: core.Cache = core.createCache()
