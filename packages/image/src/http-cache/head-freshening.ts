import { type Fields, fieldsOf } from './fields.ts'
import { ageAtReceipt } from './freshness.ts'
import type { HttpCacheSettings } from './http-cache-settings.ts'
import type { HttpRequest } from './http-request.ts'
import { type KeptResponse, policyView } from './kept-response.ts'
import { updateFields } from './not-modified.ts'
import type { Found, Shelf } from './shelf.ts'
import { retentionMs, whyNotStorable } from './storable.ts'
import { storedFields } from './stored-fields.ts'

/** What the answer to a HEAD tells of a kept response to GET (RFC 9111, 4.3.5). */
export class HeadFreshening {
  readonly #settings: HttpCacheSettings
  readonly #shelf: Shelf

  constructor(settings: HttpCacheSettings, shelf: Shelf) {
    this.#settings = settings
    this.#shelf = shelf
  }

  /** The same representation: its fields are renewed. Another one: what is kept of it goes. Anything but a 200 says nothing of it. */
  async apply(request: HttpRequest, found: Found, answer: Response): Promise<void> {
    if (answer.status !== 200 || found.kept.status !== 200) return
    const { kept } = found
    const now = this.#settings.clock.now()
    if (!isSame(fieldsOf(kept.fields), answer.headers, kept)) {
      await this.#shelf.forget([request.url])
      return
    }
    const { policy, keepSetCookie } = this.#settings
    const options = { targetedFields: policy.targetedFields, keepSetCookie }
    const list = [...answer.headers].filter(([name]) => name !== 'cache-status')
    const fields = updateFields(kept.fields, storedFields(list, options))
    const next: KeptResponse = { ...kept, fields, requestedAt: now, receivedAt: now }
    const view = policyView(next)
    if (whyNotStorable({ method: 'GET', fields: request.headers }, view, policy) !== undefined)
      return
    const keepMs = retentionMs(view, ageAtReceipt(view), policy)
    // The answer to the HEAD is what was asked for; what the cache makes of it beside is not worth failing for.
    await this.#shelf.update(found, next, keepMs).catch(() => {})
  }
}

function isSame(kept: Fields, answer: Fields, response: KeptResponse): boolean {
  for (const name of ['etag', 'last-modified']) {
    const told = answer.get(name)
    if (told && told !== kept.get(name)) return false
  }
  const length = answer.get('content-length')
  if (!length || answer.get('content-encoding')) return true
  return Number(length) === response.body.byteLength
}
