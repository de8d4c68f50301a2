/// As much of NIO's buffer as the JSON translator asks for.
public struct ByteBuffer {
  public var readableBytesView: [UInt8]
  public init(bytes: [UInt8]) { readableBytesView = bytes }
}
