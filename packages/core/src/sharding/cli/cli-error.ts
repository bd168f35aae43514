/** Exit codes of `holdfast-ring`. */
export const exitCodes = {
  done: 0,
  /** `verify` found a key that is elsewhere. */
  different: 1,
  /** The command line or a file is wrong. */
  usage: 2,
  /** Somebody did not answer. */
  unreachable: 3,
} as const

/** A problem that is told in one line, without a stack. */
export class CliError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.usage, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.exitCode = exitCode
  }
}
