import { responseCacheControl } from './cache-control.ts'
import { type FieldList, fieldNames, fieldsOf } from './fields.ts'

/** Fields of one connection or one proxy (RFC 9110, 7.6.1; RFC 9111, 3.1). */
const ofTheConnection = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export interface StoredFieldsOptions {
  readonly targetedFields: readonly string[]
  /** Whether one client's cookies are kept for all others. */
  readonly keepSetCookie: boolean
}

/**
 * The fields of a response that are kept (RFC 9111, 3.1): none of the connection, none that `Connection`,
 * `no-cache="…"` or `private="…"` names, and no `Set-Cookie` unless somebody wants it shared.
 */
export function storedFields(list: FieldList, options: StoredFieldsOptions): [string, string][] {
  const fields = fieldsOf(list)
  const { control } = responseCacheControl(fields, options.targetedFields)
  const dropped = new Set([
    ...fieldNames(fields.get('connection')),
    ...control.noCacheFields,
    ...control.privateFields,
  ])
  return list.flatMap(([name, value]): [string, string][] => {
    const lower = name.toLowerCase()
    if (ofTheConnection.has(lower) || dropped.has(lower)) return []
    if (!options.keepSetCookie && lower === 'set-cookie') return []
    return [[lower, value]]
  })
}
