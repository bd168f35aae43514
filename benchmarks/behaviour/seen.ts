/** What a row saw of one library: a word or two for the table, and all of it for the row's section. */
export interface Seen {
  readonly short: string
  readonly long: string
}

export type Outcome =
  | { readonly kind: 'value'; readonly value: unknown; readonly ms: number }
  | { readonly kind: 'error'; readonly error: unknown; readonly ms: number }
  | { readonly kind: 'open' }

/** How a call ended, or that it had not after so long. */
export async function outcomeOf(call: () => Promise<unknown>, watchMs: number): Promise<Outcome> {
  const began = performance.now()
  const settled = Promise.resolve()
    .then(call)
    .then(
      (value: unknown): Outcome => ({ kind: 'value', value, ms: performance.now() - began }),
      (error: unknown): Outcome => ({ kind: 'error', error, ms: performance.now() - began }),
    )
  let timer: NodeJS.Timeout | undefined
  const waited = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'open' }), watchMs)
  })
  const outcome = await Promise.race([settled, waited])
  clearTimeout(timer)
  return outcome
}

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms))

/** An error's name for the page: its code where it has one that says more. */
export function nameOf(error: unknown): string {
  const { name, code } = error as { name?: string; code?: unknown }
  const says = name !== undefined && name !== 'Error' && !name.startsWith('_')
  return !says && typeof code === 'string' ? code : (name ?? String(error))
}

export const times = (count: number): string =>
  count === 1 ? '1 call' : `${count.toLocaleString('en-US')} calls`
