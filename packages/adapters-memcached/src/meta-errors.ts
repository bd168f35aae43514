import { ProtocolFault } from './connection-errors.ts'

/** What a server tells that knows the classic commands only, or meta commands with fewer flags. */
export const otherProtocol = () =>
  new ProtocolFault(
    "the server does not know these meta commands, which came with Memcached 1.6; for an older one use protocol: 'binary', for Dragonfly its Redis port",
  )
