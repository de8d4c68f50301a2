internal import Glibc

/// The fence around the kernel: every system call of Varve that can fail for a reason an operator
/// can act on goes through here, so that one rule holds for all of them.
///
/// `EINTR` is retried, `EBADF` and `EFAULT` are our own bugs and trap, the rest is thrown.
enum SystemCall {
  /// Runs `body` until it is not interrupted and returns its result, 0 or more.
  @discardableResult
  static func run<Result: SignedInteger>(
    _ operation: String,
    _ path: String,
    _ body: () -> Result
  ) throws(SystemError) -> Result {
    while true {
      let result = body()
      if result >= 0 { return result }
      let code = errno
      if code == EINTR { continue }
      precondition(code != EBADF, "\(operation) on a closed file: \(path)")
      precondition(code != EFAULT, "\(operation) with a bad address: \(path)")
      throw SystemError(code: code, operation: operation, path: path)
    }
  }

  static func open(_ path: String, _ flags: Int32) throws(SystemError) -> Int32 {
    try run("open", path) { unsafe Glibc.open(path, flags | O_CLOEXEC, 0o644) }
  }

  /// Closes a descriptor. Linux frees it whatever happens, so an error is no reason to try again;
  /// whoever needs to know that bytes arrived has synced before.
  static func close(_ descriptor: Int32) {
    let result = Glibc.close(descriptor)
    precondition(result == 0 || errno != EBADF, "a descriptor was closed twice")
  }

  /// Bytes of an open file.
  static func byteCount(_ descriptor: Int32, _ path: String) throws(SystemError) -> Int {
    var status = stat()
    try run("fstat", path) { unsafe fstat(descriptor, &status) }
    return Int(status.st_size)
  }

  /// Reads up to `count` bytes at `offset`; fewer only at the end of the file.
  static func read(
    _ descriptor: Int32,
    _ path: String,
    offset: Int,
    count: Int
  ) throws(SystemError) -> [UInt8] {
    try [UInt8](capacity: count) { (target) throws(SystemError) in
      unsafe try target.withUnsafeMutableBufferPointer { (buffer, filled) throws(SystemError) in
        guard let base = buffer.baseAddress else { return }
        while filled < count {
          let start = UnsafeMutableRawPointer(unsafe base + filled)
          let (rest, position) = (count - filled, off_t(offset + filled))
          let byteCount = try run("read", path) {
            unsafe pread(descriptor, start, rest, position)
          }
          if byteCount == 0 { return }
          filled += byteCount
        }
      }
    }
  }

  /// The most pieces that one `pwritev` takes (`IOV_MAX`).
  private static let piecesMax = 1_024

  /// Writes all of `parts` at `offset`, one after another. `progress` is told of every byte count
  /// that the kernel took, so that the caller knows the file's length even after an error.
  static func write(
    _ descriptor: Int32,
    _ path: String,
    offset: Int,
    parts: [UnsafeRawBufferPointer],
    progress: (Int) -> Void
  ) throws(SystemError) {
    var pieces = unsafe parts.map {
      unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
    }
    unsafe pieces.removeAll { unsafe $0.iov_len == 0 }
    var position = offset
    var next = 0
    while unsafe next < pieces.count {
      let count = unsafe min(piecesMax, pieces.count - next)
      let taken = try run("write", path) {
        unsafe pieces.withUnsafeBufferPointer { buffer in
          unsafe pwritev(
            descriptor,
            buffer.baseAddress.map { unsafe $0 + next },
            Int32(count),
            off_t(position)
          )
        }
      }
      // A write that takes nothing would be tried for ever.
      guard taken > 0 else { throw SystemError(code: EIO, operation: "write", path: path) }
      progress(taken)
      position += taken
      unsafe advance(&pieces, from: &next, by: taken)
    }
  }

  /// Steps over `byteCount` written bytes: whole pieces, then a part of the next one.
  private static func advance(_ pieces: inout [iovec], from next: inout Int, by byteCount: Int) {
    var rest = byteCount
    while rest > 0 {
      let length = unsafe pieces[next].iov_len
      if rest < length {
        unsafe pieces[next].iov_base = unsafe pieces[next].iov_base.map { unsafe $0 + rest }
        unsafe pieces[next].iov_len = length - rest
        return
      }
      rest -= length
      next += 1
    }
  }

  /// Gives the file blocks for `byteCount` bytes at `offset` without changing what it holds, and
  /// the length to match. Where the file system cannot do that, zeros are written behind the end.
  static func allocate(
    _ descriptor: Int32,
    _ path: String,
    offset: Int,
    byteCount: Int
  ) throws(SystemError) {
    let former = try self.byteCount(descriptor, path)
    do throws(SystemError) {
      try run("fallocate", path) {
        // This call returns its error instead of setting it.
        errno = posix_fallocate(descriptor, off_t(offset), off_t(byteCount))
        return errno == 0 ? 0 : -1
      }
    } catch  where error.code == EOPNOTSUPP || error.code == ENOSYS {
      do throws(SystemError) {
        try writeZeros(descriptor, path, from: former, to: offset + byteCount)
      } catch {
        _ = try? run("truncate", path) { ftruncate(descriptor, off_t(former)) }
        throw error
      }
    } catch {
      // What was allocated before the disk was full is given back.
      if try self.byteCount(descriptor, path) > former {
        _ = try? run("truncate", path) { ftruncate(descriptor, off_t(former)) }
      }
      throw error
    }
  }

  static func writeZeros(
    _ descriptor: Int32,
    _ path: String,
    from start: Int,
    to end: Int
  ) throws(SystemError) {
    let zeros = [UInt8](repeating: 0, count: 1 << 16)
    var position = start
    while position < end {
      let (count, at) = (min(zeros.count, end - position), off_t(position))
      position += try run("write", path) { unsafe pwrite(descriptor, zeros, count, at) }
    }
  }
}
