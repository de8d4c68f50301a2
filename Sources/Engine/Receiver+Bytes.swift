extension Receiver {
  /// The same as ``receive(_:on:turnNanoseconds:)`` for bytes in an array.
  ///
  /// - Returns: how many of `bytes` from `start` on were taken.
  public func receive(_ bytes: [UInt8], from start: Int, on connection: LineConnection) -> Int {
    precondition(start >= 0 && start <= bytes.count)
    return unsafe bytes.withUnsafeBytes { buffer in
      unsafe receive(UnsafeRawBufferPointer(rebasing: buffer[start...]), on: connection)
    }
  }
}
