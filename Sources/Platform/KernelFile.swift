internal import Glibc

/// The small files of `/proc` and `/sys`, which the kernel makes up when they are read. They have
/// no length of their own, so ``Disk`` cannot read them.
public enum KernelFile {
  /// The longest text that is read.
  public static let byteCountMax = 1 << 20

  /// The text, without the line feed at its end; empty when it cannot be read.
  public static func text(_ path: String) -> String {
    guard let descriptor = try? SystemCall.open(path, O_RDONLY) else { return "" }
    defer { SystemCall.close(descriptor) }
    let bytes = (try? SystemCall.read(descriptor, path, offset: 0, count: byteCountMax)) ?? []
    return String(decoding: bytes.last == 10 ? bytes.dropLast() : bytes[...], as: UTF8.self)
  }
}
