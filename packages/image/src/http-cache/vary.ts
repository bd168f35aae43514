import { createHash } from 'node:crypto'
import { type Fields, fieldNames, listMembers } from './fields.ts'

/** The names a response varies by (RFC 9110, 12.5.5), lower case, sorted, each once; none where it does not vary. */
export function varyNames(response: Fields): readonly string[] {
  return fieldNames(response.get('vary')).sort()
}

/**
 * Stands for what a request sent in the fields `names`: two requests have the same one exactly where these fields
 * mean the same (RFC 9111, 4.1). A digest, since they may be cookies or credentials.
 */
export function variantId(
  names: readonly string[],
  request: Fields,
  languages: 'ordered' | 'weighed' = 'ordered',
): string {
  // Names and values as JSON: no two lists of them read alike.
  const selecting = names.map((name) => {
    const value = request.get(name)
    const isWeighed = languages === 'weighed' && name === 'accept-language' && value
    return [name, isWeighed ? byWeight(value) : normalised(name, value)]
  })
  return createHash('sha256').update(JSON.stringify(selecting)).digest('base64url')
}

function normalised(name: string, value: string | null | undefined): string | null {
  if (value === null || value === undefined) return null
  const members = listMembers(value)
  if (!negotiating.has(name)) return members.join(',')
  // Case and blanks mean nothing in a weighed list; order does to many servers.
  return members.map((member) => member.toLowerCase().replace(/\s+/g, '')).join(',')
}

interface Weighed {
  readonly range: string
  readonly q: number
}

function weighedLanguages(value: string): Weighed[] {
  return listMembers(value).map((member) => {
    const [range = '', ...parameters] = member.toLowerCase().replace(/\s+/g, '').split(';')
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    return { range, q: weight === undefined ? 1 : Number(weight.slice(2)) }
  })
}

/** The languages without their order, which has no meaning by itself (RFC 9110, 12.5.4). */
function byWeight(value: string): string {
  const ranges = weighedLanguages(value).map(({ range, q }) => `${range};q=${q}`)
  return ranges.sort().join(',')
}

const negotiating = new Set(['accept-encoding', 'accept-language'])

/** The one language a request wants before all others: the only one with the greatest weight. Lower case. */
export function favouriteLanguage(request: Fields): string | undefined {
  const weighed = weighedLanguages(request.get('accept-language') ?? '')
  if (weighed.some(({ q }) => !(q >= 0 && q <= 1))) return undefined
  const most = Math.max(0, ...weighed.map(({ q }) => q))
  const first = weighed.filter(({ q }) => q === most)
  const [favourite] = first
  if (first.length !== 1 || favourite === undefined || most === 0) return undefined
  return favourite.range === '*' ? undefined : favourite.range
}
