import { randomBytes } from 'node:crypto'

/** 256 bits from the operating system's generator: four times what OWASP asks of a session id. */
const idBytes = 32

/** An id as it stands in cookies and in the store: 43 letters of base64url. */
export const idPattern = /^[A-Za-z0-9_-]{43}$/

export function newSessionId(): string {
  return randomBytes(idBytes).toString('base64url')
}
