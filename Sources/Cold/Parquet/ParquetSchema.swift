/// What a column holds: the types of the subset that Varve writes and reads
/// (docs/format/parquet.md).
public enum ParquetType: Hashable, Sendable, CaseIterable {
  /// INT64, microseconds since the epoch, adjusted to UTC.
  case microseconds
  /// INT64, nanoseconds since the epoch, adjusted to UTC.
  case nanoseconds
  /// BYTE_ARRAY; a string as long as every value in the file is UTF-8.
  case string
  /// DOUBLE
  case double
  /// INT64
  case integer
  /// INT64 read as unsigned.
  case unsigned
  /// BOOLEAN
  case boolean

  var physical: PhysicalType {
    switch self {
    case .microseconds, .nanoseconds, .integer, .unsigned: .int64
    case .string: .byteArray
    case .double: .double
    case .boolean: .boolean
    }
  }
}

/// `Type` of parquet.thrift, as far as it is used.
enum PhysicalType: Int32 {
  case boolean = 0
  case int64 = 2
  case double = 5
  case byteArray = 6
}

/// `Encoding` of parquet.thrift, as far as it is used.
enum ParquetEncoding: Int32, CaseIterable {
  case plain = 0
  case runLength = 3
  case deltaBinaryPacked = 5
  case dictionary = 8
  case byteStreamSplit = 9
}

/// `CompressionCodec` of parquet.thrift, as far as it is used.
enum ParquetCompression: Int32 {
  case none = 0
  case zstd = 6
}

/// A column of a flat file.
public struct ParquetColumn: Hashable, Sendable {
  public var name: String
  public var type: ParquetType
  /// Whether rows may lack a value.
  public var isOptional: Bool

  public init(name: String, type: ParquetType, isOptional: Bool) {
    self.name = name
    self.type = type
    self.isOptional = isOptional
  }
}

/// The columns of a file, and what it says about itself.
public struct ParquetSchema: Hashable, Sendable {
  public struct Note: Hashable, Sendable {
    public var key: String
    public var value: String

    public init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  public var columns: [ParquetColumn]
  /// The file's key-value metadata, in order.
  public var notes: [Note]

  public init(columns: [ParquetColumn], notes: [Note] = []) {
    self.columns = columns
    self.notes = notes
  }

  public func note(_ key: String) -> String? { notes.last { $0.key == key }?.value }
}

/// Bounds that the writer keeps and the reader demands.
public enum ParquetLimits {
  /// Rows of a row group.
  public static let groupRowCountMax = 1 << 20
  /// Bytes of a row group before encoding: 8 for a value, the length of a string beside it, and a
  /// bit a row and column.
  public static let groupByteCountMax = 128 << 20
  /// Rows of a page.
  static let pageRowCountMax = 1 << 17
  /// Bytes of plain strings after which a page ends.
  static let pageByteCount = 1 << 20
  /// Bytes that a page has at most when it is decompressed.
  static let pageByteCountMax = 64 << 20
  /// Bytes of a dictionary.
  static let dictionaryByteCountMax = 4 << 20
  static let dictionaryCountMax = 1 << 17
  static let columnCountMax = 1 << 16
  static let footerByteCountMax = 256 << 20

  static let magic = Array("PAR1".utf8)
}
