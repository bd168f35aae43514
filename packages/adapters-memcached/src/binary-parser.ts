import { headerBytes, Packet, replyMagic } from './binary-packet.ts'
import { FaultError, fault, ProtocolFault } from './connection-errors.ts'

/** From this size on a reply that came in pieces gets memory of its own, which its value then keeps. */
const ownMemoryBytes = 4096

/**
 * Cuts the bytes of one connection into replies. A reply that is not complete yet is gathered in a buffer of its final
 * size, so each byte is copied once at most, however many pieces it comes in.
 */
export function createBinaryParser(
  tell: (packet: Packet) => void,
  maxReplyBytes: number,
): (chunk: Buffer) => void {
  const packet = new Packet()
  /** The beginning of a header. */
  let rest: Buffer | undefined
  /** A reply whose header is known and whose body is not complete. */
  let gathering: Buffer | undefined
  let gathered = 0

  const readHeader = (bytes: Buffer, at: number) => {
    if (!packet.readHeader(bytes, at)) {
      throw new ProtocolFault('a reply contradicts itself about its length')
    }
    if (packet.totalBodyLength > maxReplyBytes) {
      throw new ProtocolFault(
        `a reply announces ${packet.totalBodyLength} bytes, more than the ${maxReplyBytes} that a value may have`,
      )
    }
  }

  return (received) => {
    let chunk = received
    let at = 0
    if (gathering !== undefined) {
      const end = Math.min(chunk.length, gathering.length - gathered)
      chunk.copy(gathering, gathered, 0, end)
      gathered += end
      if (gathered < gathering.length) return
      const whole = gathering
      gathering = undefined
      at = end
      packet.readHeader(whole, 0)
      packet.place(whole, 0, whole.length >= ownMemoryBytes)
      tell(packet)
    } else if (rest !== undefined) {
      chunk = Buffer.concat([rest, chunk])
      rest = undefined
    }
    while (at < chunk.length) {
      if (chunk[at] !== replyMagic) throw notBinary(chunk.subarray(at))
      if (chunk.length - at < headerBytes) break
      readHeader(chunk, at)
      const end = at + headerBytes + packet.totalBodyLength
      if (end > chunk.length) {
        const length = end - at
        gathering =
          length >= ownMemoryBytes ? Buffer.allocUnsafeSlow(length) : Buffer.allocUnsafe(length)
        gathered = chunk.copy(gathering, 0, at)
        return
      }
      packet.place(chunk, at, false)
      at = end
      tell(packet)
    }
    if (at < chunk.length) rest = Buffer.from(chunk.subarray(at))
  }
}

/** What a server says, in text whatever is spoken to it, before it closes a connection that is one too many. */
const tooMany = 'ERROR Too many'

/** What it means that bytes come which are no reply. */
function notBinary(bytes: Buffer): Error {
  if (bytes.toString('latin1', 0, tooMany.length) === tooMany) {
    return new FaultError(fault('overloaded', 'the server takes no more connections (see its -c)'))
  }
  // ERROR, CLIENT_ERROR, SERVER_ERROR and the like begin with a capital letter.
  const isText = bytes[0]! >= 0x41 && bytes[0]! <= 0x5a
  return new ProtocolFault(
    isText
      ? "the server answers the binary protocol in text; set protocol: 'meta'"
      : 'what came is no reply of the binary protocol',
  )
}
