/** What a POST asks for. */
export type Wish =
  | { readonly do: 'explain' | 'expire' | 'delete'; readonly cache: string; readonly key: string }
  | { readonly do: 'expire' | 'delete'; readonly cache: string; readonly tag: string }

/** `undefined` for anything but what is documented. */
export function readWish(body: unknown, verb: 'explain' | 'purge'): Wish | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined
  const { cache, key, tag, soft = false, ...others } = body as Record<string, unknown>
  if (Object.keys(others).length > 0 || typeof cache !== 'string') return undefined
  if (typeof soft !== 'boolean') return undefined
  if (typeof tag === 'string' && key === undefined)
    return verb === 'purge' ? { do: soft ? 'expire' : 'delete', cache, tag } : undefined
  if (typeof key !== 'string' || tag !== undefined) return undefined
  if (verb === 'explain') return soft ? undefined : { do: 'explain', cache, key }
  return { do: soft ? 'expire' : 'delete', cache, key }
}
