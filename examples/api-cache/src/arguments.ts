import { parseArgs } from 'node:util'

export const help = `Usage: demo [--seed <number>] [--quick] [--help]

A service of airport data, once without and once with Holdfast in front of its slow origin: real
HTTP on loopback, about 15 seconds. --seed draws other traffic, --quick runs shorter acts.
Honours NO_COLOR, and prints plain lines in CI and into files.`

export interface Arguments {
  seed: number
  quick: boolean
  help: boolean
}

/** @throws Error with a message for whoever typed the arguments. */
export function readArguments(args: string[]): Arguments {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string', default: '42' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (!/^\d{1,9}$/.test(values.seed)) {
    throw new Error(`--seed must be a whole number of at most nine digits; it was '${values.seed}'`)
  }
  return { ...values, seed: Number(values.seed) }
}
