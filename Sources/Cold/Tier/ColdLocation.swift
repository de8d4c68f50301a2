internal import Bytes
package import Platform

/// The file `cold-store`: which store the directory's cold blocks lie in, and whether its objects
/// are this directory's to remove (docs/format/cold.md).
///
///     | 0 magic u32 | 4 version u8 | 5 flags u8 | 6 zero, 2 bytes | 8 bytes u32 |
///     | location, UTF-8 | version 2: owner u64 | CRC32C of all before u32 |
package struct ColdLocation: Hashable, Sendable {
  static let magic: UInt32 = 0x4c56_5256  // "VRVL"
  /// Without an owner.
  static let version: UInt8 = 1
  static let ownedVersion: UInt8 = 2
  /// The flag of a store whose objects are another directory's.
  private static let sharedFlag: UInt8 = 1
  /// The flag of a store that has its mark (`StoreMark`).
  private static let markedFlag: UInt8 = 2
  private static let byteCountMax = 8 << 10

  /// An absolute path or `s3://BUCKET/PREFIX`; empty in a snapshot of a directory without a store.
  package var location: String
  /// Whether the objects are those of the directory that this one is a snapshot of: they are read
  /// and never removed.
  package var isShared: Bool
  /// The number of the identity file of the directory whose objects they are: a copy of the
  /// directory has another one. `nil` where that was not known yet.
  package var owner: UInt64?
  /// Whether the store has had its mark: a folder without it is another one.
  package var isMarked: Bool

  package init(
    _ location: String,
    isShared: Bool = false,
    owner: UInt64? = nil,
    isMarked: Bool = false
  ) {
    self.location = location
    self.isShared = isShared
    self.owner = owner
    self.isMarked = isMarked
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter(reserving: 64)
    writer.writeInteger(Self.magic)
    writer.writeByte(owner == nil ? Self.version : Self.ownedVersion)
    let flags = (isShared ? Self.sharedFlag : 0) | (isMarked ? Self.markedFlag : 0)
    writer.writeBytes([flags, 0, 0])
    writer.writeInteger(UInt32(location.utf8.count))
    writer.writeBytes(Array(location.utf8))
    if let owner { writer.writeInteger(owner) }
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  /// `nil` when the bytes are damaged.
  package static func decode(_ bytes: [UInt8]) -> ColdLocation? {
    var reader = ByteReader(bytes.span)
    guard bytes.count >= 16, reader.readInteger(UInt32.self) == magic,
      let version = reader.readByte(), version == Self.version || version == ownedVersion,
      let flags = reader.readByte(), reader.skip(2) != nil,
      let count = reader.readInteger(UInt32.self),
      bytes.count == (version == ownedVersion ? 24 : 16) + Int(count)
    else { return nil }
    let checksum = CRC32C.checksum(bytes.span.extracting(0..<bytes.count - 4))
    guard reader.skip(Int(count)) != nil else { return nil }
    var owner: UInt64?
    if version == ownedVersion {
      guard let number = reader.readInteger(UInt64.self) else { return nil }
      owner = number
    }
    guard reader.readInteger(UInt32.self) == checksum else { return nil }
    guard let location = String(validating: bytes[12..<12 + Int(count)], as: UTF8.self) else {
      return nil
    }
    return ColdLocation(
      location,
      isShared: flags & sharedFlag != 0,
      owner: owner,
      isMarked: flags & markedFlag != 0
    )
  }

  /// `nil` when there is no such file; damage is an error, for the file says where data lies.
  package static func read(_ disk: any Disk, _ path: String) throws(SystemError) -> ColdLocation? {
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
