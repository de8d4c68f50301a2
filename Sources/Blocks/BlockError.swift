public import Codecs
public import Model
public import Platform

/// A part of a block, manifest or stub, as docs/format/ names it.
public enum BlockPart: String, Sendable, Hashable {
  case header, group, definitions, index, summary, trailer, manifest, stub
}

/// Why a block or manifest, or a part of it, could not be read.
public enum BlockError: Error, Equatable, Sendable {
  /// The operating system refused.
  case system(SystemError)
  /// The file is empty or too short to be what it should be; normal after a power failure.
  case tooShort(byteCount: Int)
  /// Neither the start nor the end of a block says what it is.
  case unidentified
  /// A part ends before it should.
  case truncated(BlockPart)
  case magic(BlockPart, found: UInt32)
  case version(BlockPart, found: UInt8)
  case checksum(BlockPart)
  /// A field holds what the writer never produces.
  case malformed(BlockPart)
  /// The index and the group disagree: they are not of one writing.
  case mismatch(BlockPart)
  /// The chunk of a column does not decode; `nil` stands for the timestamps.
  case chunk(FieldID?, ChunkError)

  /// Whether the operating system refused for a reason that says nothing about the bytes: too many
  /// open files, no permission. What the medium does not give (`EIO`) is damage like any other.
  public var isRefusal: Bool {
    if case .system(let error) = self { error.code != SystemError.Code.inputOutput } else { false }
  }

  /// In the few words of a ``Damage``.
  public var text: String {
    switch self {
    case .system(let error): error.description
    case .tooShort(let byteCount): "file of \(byteCount) bytes is too short"
    case .unidentified: "neither header nor summary is readable"
    case .truncated(let part): "\(part.rawValue) is cut short"
    case .magic(let part, let found): "\(part.rawValue) has magic 0x\(String(found, radix: 16))"
    case .version(let part, let found): "\(part.rawValue) has unknown version \(found)"
    case .checksum(let part): "\(part.rawValue) fails its checksum"
    case .malformed(let part): "\(part.rawValue) holds what cannot be"
    case .mismatch(let part): "\(part.rawValue) is not the one that the index names"
    case .chunk(nil, let error): "timestamps do not decode: \(error)"
    case .chunk(let field?, let error): "field \(field.rawValue) does not decode: \(error)"
    }
  }
}
