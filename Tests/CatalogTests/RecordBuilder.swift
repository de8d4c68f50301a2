import Bytes
import Catalog
import Model
import TestSupport

/// Writes records by docs/format/catalog.md alone, so that tests can also write wrong ones.
struct RecordBuilder {
  private(set) var bytes: [UInt8] = []
  private(set) var sequence: UInt64 = 0

  /// A record with a sound frame.
  mutating func append(
    kind: UInt8,
    _ body: [UInt8],
    sequence given: UInt64? = nil,
    version: UInt8 = 1
  ) {
    sequence = given ?? sequence + 1
    var head = ByteWriter()
    head.writeInteger(UInt32(0x4356_5256))
    head.writeByte(version)
    head.writeByte(kind)
    head.writeInteger(UInt16(1))
    head.writeInteger(sequence)
    head.writeInteger(UInt32(body.count))
    head.writeInteger(CRC32C.checksum(head.bytes + body))
    bytes += head.bytes + body
  }

  /// A body of varints and names.
  static func body(_ parts: Part...) -> [UInt8] {
    var writer = ByteWriter()
    for part in parts {
      switch part {
      case .number(let value): writer.writeVarint(value)
      case .name(let text): writer.writeLengthPrefixed(Array(text.utf8))
      case .byte(let value): writer.writeByte(value)
      }
    }
    return writer.bytes
  }

  enum Part: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    case number(UInt64)
    case name(String)
    case byte(UInt8)
    init(integerLiteral value: UInt64) { self = .number(value) }
    init(stringLiteral value: String) { self = .name(value) }
  }

  /// A disk on which both copies hold these records.
  var disk: FaultyDisk {
    FaultyDisk(seed: 1, files: ["catalog/a.log": bytes, "catalog/b.log": bytes])
  }

  /// The kinds, as the format page numbers them.
  static let tenant: UInt8 = 1
  static let measurement: UInt8 = 2
  static let field: UInt8 = 3
  static let fieldSet: UInt8 = 4
  static let series: UInt8 = 5
  static let layout: UInt8 = 6
  static let scaleTable: UInt8 = 7
  static let reservation: UInt8 = 8
  static let loss: UInt8 = 9
}
