/** Whether a request has been through this cache already (RFC 8586): the names in `CDN-Loop`, parameters left out. */
export function isLoop(value: string | null | undefined, cdnId: string): boolean {
  if (value === null || value === undefined) return false
  const own = cdnId.toLowerCase()
  return value.split(',').some((member) => member.split(';', 1)[0]!.trim().toLowerCase() === own)
}
