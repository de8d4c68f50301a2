internal import Bytes
internal import Model
internal import Platform

/// Names of everything in a data directory, in one place.
///
///     VARVE                        identity, 32 bytes (docs/format/directory.md)
///     lock                         held while a process uses the directory
///     cold-store                   where cold blocks lie (docs/format/cold.md)
///     cold-removals                objects of it that are to be removed (docs/format/cold.md)
///     catalog/  queue/  dead-letters/  quarantine/
///     partitions/PP/manifest  partitions/PP/blocks/  partitions/PP/ring/  partitions/PP/rollups/
public struct DataDirectory: Sendable {
  public let path: String

  public init(_ path: String) { self.path = path }

  public var identity: String { path + "/VARVE" }
  public var lock: String { path + "/lock" }
  public var coldStore: String { path + "/cold-store" }
  public var coldRemovals: String { path + "/cold-removals" }
  public var catalog: String { path + "/catalog" }
  public var queue: String { path + "/queue" }
  public var deadLetters: String { path + "/dead-letters" }
  public var quarantine: String { path + "/quarantine" }
  /// Space that cuts get on a full disk.
  public var reserve: String { path + "/reserve" }

  var partitions: String { path + "/partitions" }

  public func partition(_ index: Int) -> String {
    "\(partitions)/\(index < 10 ? "0" : "")\(index)"
  }
  public func blocks(_ index: Int) -> String { partition(index) + "/blocks" }
  public func ring(_ index: Int) -> String { partition(index) + "/ring" }
  public func rollups(_ index: Int) -> String { partition(index) + "/rollups" }
  /// Where blocks are made anew before they take the place of damaged ones.
  func scratch(_ index: Int) -> String { partition(index) + "/scratch" }

  static let identityMagic: UInt32 = 0x4456_5256  // "VRVD"
  static let identityVersion: UInt8 = 1
  static let identityByteCount = 32

  /// The identity file: magic u32, version u8, 3 zero bytes, partition count u32, creation time
  /// i64 ns, 8 zero bytes, CRC32C of the first 28 bytes.
  package static func encodeIdentity(partitionCount: Int, createdAt: Int64) -> [UInt8] {
    var writer = ByteWriter(reserving: identityByteCount)
    writer.writeInteger(identityMagic)
    writer.writeByte(identityVersion)
    writer.writeBytes([0, 0, 0])
    writer.writeInteger(UInt32(partitionCount))
    writer.writeInteger(createdAt)
    writer.writeInteger(UInt64(0))
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  /// The partition count of an identity file, or what is wrong with it.
  package static func decodeIdentity(_ bytes: [UInt8]) -> Result<Int, IdentityFault> {
    guard bytes.count == identityByteCount else { return .failure(.length(bytes.count)) }
    var reader = ByteReader(bytes.span)
    guard let magic = reader.readInteger(UInt32.self), magic == identityMagic else {
      return .failure(.magic)
    }
    guard let version = reader.readByte(), reader.skip(3) != nil,
      let partitionCount = reader.readInteger(UInt32.self)
    else { return .failure(.length(bytes.count)) }
    guard CRC32C.checksum(Array(bytes[..<28])) == UInt32(littleEndianBytes: bytes[28..<32]) else {
      return .failure(.checksum)
    }
    guard version == identityVersion else { return .failure(.version(version)) }
    guard (1...UInt32(PartitionID.countMax)).contains(partitionCount) else {
      return .failure(.partitionCount(partitionCount))
    }
    return .success(Int(partitionCount))
  }

  package enum IdentityFault: Error, Equatable {
    case length(Int), magic, checksum, version(UInt8), partitionCount(UInt32)

    var text: String {
      switch self {
      case .length(let count): "VARVE has \(count) bytes instead of \(identityByteCount)"
      case .magic: "VARVE does not begin with the magic of a data directory"
      case .checksum: "VARVE fails its checksum"
      case .version(let found): "VARVE has format version \(found), this program reads version 1"
      case .partitionCount(let found): "VARVE names \(found) partitions"
      }
    }
  }

  /// Reads the partition count, or creates the directory for `partitionCount` partitions.
  ///
  /// A damaged identity is healed from the folders of `partitions/` where there are some: they say
  /// how many partitions there are, and nothing else is in the file that matters.
  func open(
    disk: any Disk,
    partitionCount: Int,
    clock: any Clock,
    damages: inout [Damage]
  ) throws(EngineError) -> Int {
    try wrap { () throws(SystemError) in try disk.createDirectory(path) }
    let names = try wrap { () throws(SystemError) in try disk.list(path) }
    let folders = try wrap { () throws(SystemError) in
      try disk.list(path + "/partitions").filter { $0.count == 2 }.count
    }
    if names.contains("VARVE") {
      let bytes = try wrap { () throws(SystemError) in
        try disk.read(identity, byteCountMax: 4096)
      }
      switch Self.decodeIdentity(bytes) {
      case .success(let count): return count
      case .failure(.version(let version)):
        throw .foreignDirectory(
          path: path,
          found: IdentityFault.version(version).text
        )
      case .failure(let fault):
        damages.append(
          Damage(
            severity: folders == 0 && bytes.isEmpty ? .note : .damage,
            path: identity,
            offset: 0,
            byteCount: bytes.count,
            what: fault.text,
            range: "written anew"
          )
        )
      }
    } else if folders == 0, names.contains(where: { $0 != "lock" && $0 != "lost+found" }) {
      throw .foreignDirectory(path: path, found: "it holds \(names[0]) and no file VARVE")
    }
    let count = folders > 0 ? folders : partitionCount
    try wrap { () throws(SystemError) in
      for index in 0..<count {
        try disk.createDirectory(blocks(index))
        try disk.createDirectory(ring(index))
      }
      for folder in [catalog, queue, deadLetters, quarantine] { try disk.createDirectory(folder) }
      try disk.replace(
        identity,
        with: Self.encodeIdentity(partitionCount: count, createdAt: clock.now())
      )
    }
    return count
  }

  /// Moves a damaged file into `quarantine/`, keeping its name and origin in the new one.
  ///
  /// - Returns: the new path.
  func quarantine(
    _ file: String,
    disk: any Disk,
    at time: Int64
  ) throws(SystemError) -> String {
    let origin = file.hasPrefix(path + "/") ? String(file.dropFirst(path.count + 1)) : file
    let name = origin.split(separator: "/").joined(separator: "_")
    let target = "\(quarantine)/\(time)-\(name)"
    try disk.createDirectory(quarantine)
    try disk.rename(file, to: target)
    try disk.syncDirectory(quarantine)
    return target
  }
}

/// Runs `body` and turns its failure into the engine's.
func wrap<Result>(_ body: () throws(SystemError) -> Result) throws(EngineError) -> Result {
  do { return try body() } catch { throw .system(error) }
}

extension UInt32 {
  fileprivate init(littleEndianBytes bytes: ArraySlice<UInt8>) {
    self = bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
