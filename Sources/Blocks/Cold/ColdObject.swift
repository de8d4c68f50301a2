internal import Model
public import Platform
public import Synchronization

/// Where the block of a cold store lies: kept in the manifest beside the block's summary.
public struct ColdReference: Hashable, Sendable {
  /// The first eight bytes of the object's SHA-256.
  public var digest: UInt64

  public init(digest: UInt64) { self.digest = digest }
}

extension BlockSummary {
  /// `03/<name of the block>-<16 hexadecimal digits>.block`: the name says what the object holds,
  /// so that two of different contents never share one. `nil` for a block that lies here.
  public var objectKey: String? { cold.map { identity.objectKey(digest: $0.digest) } }

  /// What stands in the partition's folder of blocks: the block, or the stub of a cold one.
  public var storedName: String { cold == nil ? identity.fileName : identity.stubName }
}

extension BlockIdentity {
  /// How names of stubs end.
  public static let stubSuffix = ".cold"

  private var stem: Substring { fileName.dropLast(Self.fileSuffix.count) }

  /// The name of the stub of this block.
  public var stubName: String { stem + Self.stubSuffix }

  /// What this block is called in a cold store.
  public func objectKey(digest: UInt64) -> String {
    let number = partition.rawValue
    return "\(number < 10 ? "0" : "")\(number)/\(stem)-\(FixedHex.text(digest, 16))"
      + Self.fileSuffix
  }

  /// The name of the block whose stub has this name; `nil` when it is no stub's.
  static func blockName(ofStub name: String) -> String? {
    guard name.hasSuffix(stubSuffix) else { return nil }
    let block = name.dropLast(stubSuffix.count) + fileSuffix
    return parse(fileName: String(block)) == nil ? nil : String(block)
  }
}

/// One object of a cold store as readers know it: its key, its size and the checksum of each page.
public final class ColdObject: Sendable {
  public let key: String
  public let byteCount: Int
  /// Bytes of a page; the last one may be shorter.
  public let pageByteCount: Int
  /// CRC32C of each page; empty when they are not known: then whoever reads must check.
  public let pageChecksums: [UInt32]
  /// Where the last read ended, and how much was read ahead of it: for ``ColdSource`` alone.
  public let progress = Mutex(Progress())

  /// Reads that follow one another are worth reading ahead.
  public struct Progress: Sendable {
    public var nextPage = -1
    public var aheadCount = 0
  }

  public init(key: String, byteCount: Int, pageByteCount: Int, pageChecksums: [UInt32]) {
    precondition(pageByteCount >= 1)
    self.key = key
    self.byteCount = byteCount
    self.pageByteCount = pageByteCount
    self.pageChecksums = pageChecksums
  }

  public var pageCount: Int { (byteCount + pageByteCount - 1) / pageByteCount }
}

/// Reads parts of objects of a cold store; safe from several threads. May block for as long as a
/// network takes.
public protocol ColdSource: Sendable {
  /// How people find an object: its path or URL.
  func path(of key: String) -> String
  /// Exactly `count` bytes at `offset`; their pages' checksums held, where they are known.
  ///
  /// - Throws: ``SystemError`` with a path that names the object, and `EIO` for damage.
  func read(_ object: ColdObject, at offset: Int, count: Int) throws(SystemError) -> [UInt8]
}

/// The source of a directory whose cold store nobody knows: nothing can be read of it.
public struct NoColdSource: ColdSource {
  public init() {}

  public func path(of key: String) -> String { "cold store: \(key)" }

  public func read(
    _ object: ColdObject,
    at offset: Int,
    count: Int
  ) throws(SystemError) -> [UInt8] {
    throw SystemError(
      code: SystemError.Code.notConnected,
      operation: "read; name the store with cold.directory",
      path: path(of: object.key)
    )
  }
}
