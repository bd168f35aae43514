import { ProtocolFault } from './connection-errors.ts'

/** A server that knows the classic commands only, or no text at all. */
export const otherProtocol = () =>
  new ProtocolFault(
    "the server does not know the meta commands, which came with Memcached 1.6; use protocol: 'binary'",
  )
