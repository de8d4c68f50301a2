import Engine
import NIOCore

/// The server's, without the sockets around them.
enum BodyFault: Error {
  case tooLarge(String)
}

enum BodyPiece {
  case lines(ByteBuffer)
  case refused(RefusedItem)
  case uncounted(UInt64)
}
