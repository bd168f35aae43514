import { BoundedMarks } from './bounded-marks.ts'
import type { HttpRequest } from './http-request.ts'
import { urlKey } from './shelf.ts'

const aloneMs = 10_000
const rememberedUrls = 1_000

/**
 * URLs whose answer turned out to be for one client only: for 10 s requests for them go one by one, since to wait for
 * another's would be to wait for nothing.
 */
export class AloneMarks {
  readonly #until = new BoundedMarks<number>(rememberedUrls)

  has(request: HttpRequest, now: number): boolean {
    return now < (this.#until.get(nameOf(request)) ?? 0)
  }

  note(request: HttpRequest, now: number): void {
    this.#until.set(nameOf(request), now + aloneMs)
  }
}

/** Requests with credentials are answered for one client more often than others; they say nothing of those. */
function nameOf(request: HttpRequest): string {
  return `${request.headers.has('authorization') ? 'credentials' : 'plain'} ${urlKey(request.url)}`
}
