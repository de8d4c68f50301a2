internal import Bytes
package import Platform

/// The file `cold-store`: which store the directory's cold blocks lie in (docs/format/cold.md).
///
///     | 0 magic u32 | 4 version u8 | 5 zero, 3 bytes | 8 bytes u32 | location, UTF-8 |
///     | CRC32C of all before u32 |
package enum ColdLocation {
  static let magic: UInt32 = 0x4c56_5256  // "VRVL"
  static let version: UInt8 = 1
  private static let byteCountMax = 8 << 10

  package static func encoded(_ location: String) -> [UInt8] {
    var writer = ByteWriter(reserving: 64)
    writer.writeInteger(magic)
    writer.writeByte(version)
    writer.writeBytes([0, 0, 0])
    writer.writeInteger(UInt32(location.utf8.count))
    writer.writeBytes(Array(location.utf8))
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  /// `nil` when the bytes are damaged.
  package static func decode(_ bytes: [UInt8]) -> String? {
    var reader = ByteReader(bytes.span)
    guard bytes.count >= 16, reader.readInteger(UInt32.self) == magic,
      reader.readByte() == version, reader.skip(3) != nil,
      let count = reader.readInteger(UInt32.self), bytes.count == 16 + Int(count)
    else { return nil }
    let checksum = CRC32C.checksum(bytes.span.extracting(0..<bytes.count - 4))
    guard reader.skip(Int(count)) != nil, reader.readInteger(UInt32.self) == checksum else {
      return nil
    }
    return String(validating: bytes[12..<12 + Int(count)], as: UTF8.self)
  }

  /// `nil` when there is no such file; damage is an error, for the file says where data lies.
  package static func read(_ disk: any Disk, _ path: String) throws(SystemError) -> String? {
    guard try disk.byteCount(of: path) != nil else { return nil }
    guard let location = decode(try disk.read(path, byteCountMax: byteCountMax)) else {
      throw SystemError(
        code: SystemError.Code.inputOutput,
        operation: "read a damaged file; name the store with cold.directory",
        path: path
      )
    }
    return location
  }
}
