const mostTags = 50
const mostCharacters = 200

/** The names that an origin gives its image: `Cache-Tag` (commas) and `Surrogate-Key` (spaces), what is too long or too many left out. */
export function originTags(headers: Headers): string[] {
  const names = [
    ...(headers.get('cache-tag') ?? '').split(','),
    ...(headers.get('surrogate-key') ?? '').split(/[\s,]+/),
  ].map((name) => name.trim())
  const fit = names.filter((name) => /^[\x21-\x7e]+$/.test(name) && name.length <= mostCharacters)
  return [...new Set(fit)].slice(0, mostTags)
}
