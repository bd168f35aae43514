import type { Asked } from './asked.ts'

/** The header without which nothing is changed: a form or an image of another site cannot send it. */
export const ownHeader = 'x-holdfast-inspector'

/**
 * Whether a POST comes from the inspector's own page, or from a program that means it, and not from another site in
 * the browser of somebody who is signed in (OWASP: Cross-Site Request Forgery Prevention, custom request headers and
 * Fetch Metadata).
 */
export function isOwnPage(asked: Asked): boolean {
  if (asked.header(ownHeader) === null) return false
  if (!/^application\/json\b/i.test(asked.header('content-type') ?? '')) return false
  const site = asked.header('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  const origin = asked.header('origin')
  // An old browser, or no browser. Behind a proxy the scheme may differ, the host does not.
  if (origin === null) return true
  return URL.canParse(origin) && new URL(origin).host === new URL(asked.request.url).host
}
