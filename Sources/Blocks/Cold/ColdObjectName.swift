public import Model
public import Platform

/// What the key of an object says of the block in it.
public struct ColdObjectName: Hashable, Sendable {
  public let partition: PartitionID
  /// Of the block as long as it lay here.
  public let fileName: String

  /// `nil` when it is no block's key.
  public init?(key: String) {
    let parts = key.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = UInt16(parts[0]), Int(number) < PartitionID.countMax,
      parts[0] == (number < 10 ? "0\(number)" : "\(number)"),
      parts[1].hasSuffix(BlockIdentity.fileSuffix)
    else { return nil }
    let name = parts[1].dropLast(BlockIdentity.fileSuffix.count)
    guard let dash = name.lastIndex(of: "-"),
      FixedHex.value(name[name.index(after: dash)...], 16) != nil
    else { return nil }
    fileName = name[..<dash] + BlockIdentity.fileSuffix
    guard BlockIdentity.parse(fileName: fileName) != nil else { return nil }
    partition = PartitionID(number)
  }

  /// As blocks under way are called: the number of the partition and the block's name.
  public var qualifiedName: String { "\(partition.rawValue)/\(fileName)" }

  /// The name of the block's stub.
  public var stubName: String {
    fileName.dropLast(BlockIdentity.fileSuffix.count) + BlockIdentity.stubSuffix
  }
}

extension ColdStub {
  /// The key of the object whose stub a file is; `nil` when it is none or damaged.
  ///
  /// - Complexity: a pass over the file.
  public static func objectKey(ofStub path: String, _ disk: any Disk) -> String? {
    guard let file = try? disk.open(path), let stub = try? ColdStub(file),
      let start = try? file.bytes(at: stub.startPosition, BlockIdentity.byteCount),
      let identity = try? BlockIdentity(start.span)
    else { return nil }
    return identity.objectKey(digest: stub.reference.digest)
  }
}
