/// As much of NIO's buffer as the JSON translator asks for.
public struct ByteBuffer {
  public var readableBytesView: [UInt8]
  public init(bytes: [UInt8]) { readableBytesView = bytes }

  public mutating func writeBytes(_ bytes: UnsafeRawBufferPointer) -> Int {
    readableBytesView.append(contentsOf: bytes)
    return bytes.count
  }
}

public struct ByteBufferAllocator {
  public init() {}

  public func buffer(capacity: Int) -> ByteBuffer {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(capacity)
    return ByteBuffer(bytes: bytes)
  }
}
