import { type Fault, fault, ProtocolFault } from './connection-errors.ts'

/** What a server tells that knows the classic commands only, or meta commands with fewer flags. */
const otherProtocol = () =>
  new ProtocolFault(
    "the server does not know these meta commands, which came with Memcached 1.6; for an older one use protocol: 'binary', for Dragonfly its Redis port",
  )

/** The error lines of doc/protocol.txt, "Error strings", in core's words. */
export function refusalOf(text: string): Fault {
  if (/^SERVER_ERROR .*too large/.test(text)) {
    return fault('too-large', 'the server takes no item of that size; see itemBytes and its -I')
  }
  if (/^SERVER_ERROR .*out of memory/.test(text))
    return fault('full', 'the server is out of memory')
  if (/^CLIENT_ERROR unauth/.test(text)) {
    return fault('auth', 'the server wants to know who asks; see username and password')
  }
  // The last words on a connection that is one too many.
  if (text.startsWith('ERROR Too many')) {
    return fault('overloaded', 'the server takes no more connections (see its -c)')
  }
  if (text === 'ERROR' || /^CLIENT_ERROR (bad|invalid)/.test(text)) throw otherProtocol()
  if (/^(SERVER|CLIENT)_ERROR/.test(text)) return fault('unknown', 'the server refused it')
  throw new ProtocolFault('a reply is none to the command it is for')
}
