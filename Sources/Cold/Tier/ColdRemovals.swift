internal import Bytes
package import Platform

/// The file `cold-removals`: objects of the cold store that are to be removed
/// (docs/format/cold.md).
///
///     | 0 magic u32 | 4 version u8 | 5 zero, 3 bytes | 8 bytes u32 | keys, a LF behind each |
///     | CRC32C of all before u32 |
package enum ColdRemovals {
  static let magic: UInt32 = 0x4f56_5256  // "VRVO"
  static let version: UInt8 = 1
  private static let headByteCount = 12
  package static let byteCountMax = 64 << 20

  /// - Parameter keys: without line feeds.
  package static func encoded(_ keys: [String]) -> [UInt8] {
    var text: [UInt8] = []
    for key in keys {
      text += key.utf8
      text.append(UInt8(ascii: "\n"))
    }
    var writer = ByteWriter(reserving: text.count + 16)
    writer.writeInteger(magic)
    writer.writeByte(version)
    writer.writeBytes([0, 0, 0])
    writer.writeInteger(UInt32(text.count))
    writer.writeBytes(text)
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  /// `nil` when the bytes are damaged.
  package static func decode(_ bytes: [UInt8]) -> [String]? {
    var reader = ByteReader(bytes.span)
    guard bytes.count >= headByteCount + 4, reader.readInteger(UInt32.self) == magic,
      reader.readByte() == version, reader.skip(3) != nil,
      let count = reader.readInteger(UInt32.self),
      bytes.count == headByteCount + Int(count) + 4
    else { return nil }
    let end = headByteCount + Int(count)
    let checksum = CRC32C.checksum(bytes.span.extracting(0..<end))
    guard reader.skip(Int(count)) != nil, reader.readInteger(UInt32.self) == checksum else {
      return nil
    }
    return bytes[headByteCount..<end].split(separator: UInt8(ascii: "\n")).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  /// The keys, none where there is no file; `nil` when it is damaged.
  package static func read(_ disk: any Disk, _ path: String) throws(SystemError) -> [String]? {
    guard try disk.byteCount(of: path) != nil else { return [] }
    return decode(try disk.read(path, byteCountMax: byteCountMax))
  }
}
