import type { LiveSession } from './live-session.ts'

/** Where a request tells what sessions need of it. */
export interface RequestView {
  readonly cookie: string | null | undefined
  /** The address at the other end of the connection. */
  readonly address: string | undefined
  header(name: string): string | null | undefined
}

/** What the doors for frameworks are built on. */
export interface SessionDesk {
  /** The session that a request's cookie names, or a new one at once where no cookie of it is ours. */
  open(request: RequestView): LiveSession | Promise<LiveSession>
  /** A failure that no `SessionError` has told of yet. */
  failed(error: unknown): void
  warnOfUnsentCookie(): void
}
