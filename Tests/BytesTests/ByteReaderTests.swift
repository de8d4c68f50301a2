import Bytes
import TestSupport
import Testing

/// Goal: what ``ByteWriter`` writes ``ByteReader`` reads, and no bytes whatever can trap it.
@Suite struct ByteReaderTests {
  /// One written value of each kind.
  enum Item: Equatable {
    case byte(UInt8)
    case short(UInt16)
    case word(UInt32)
    case long(Int64)
    case wide(UInt128)
    case varint(UInt64)
    case signed(Int64)
    case bytes([UInt8])
    case prefixed([UInt8])

    func write(to writer: inout ByteWriter) {
      switch self {
      case .byte(let value): writer.writeByte(value)
      case .short(let value): writer.writeInteger(value)
      case .word(let value): writer.writeInteger(value)
      case .long(let value): writer.writeInteger(value)
      case .wide(let value): writer.writeInteger(value)
      case .varint(let value): writer.writeVarint(value)
      case .signed(let value): writer.writeSignedVarint(value)
      case .bytes(let value): writer.writeBytes(value.span)
      case .prefixed(let value): writer.writeLengthPrefixed(value)
      }
    }

    /// Reads an item of the same kind, and for `bytes` of the same length.
    func reread(from reader: inout ByteReader) -> Item? {
      switch self {
      case .byte: reader.readByte().map(Item.byte)
      case .short: reader.readInteger(UInt16.self).map(Item.short)
      case .word: reader.readInteger(UInt32.self).map(Item.word)
      case .long: reader.readInteger(Int64.self).map(Item.long)
      case .wide: reader.readInteger(UInt128.self).map(Item.wide)
      case .varint: reader.readVarint().map(Item.varint)
      case .signed: reader.readSignedVarint().map(Item.signed)
      case .bytes(let value): reader.readBytes(value.count).map(Item.bytes)
      case .prefixed: reader.readLengthPrefixed(byteCountMax: 100).map(Item.prefixed)
      }
    }
  }

  static func items(seed: UInt64) -> [Item] {
    var random = SeededRandom(seed: seed)
    return (0..<Int.random(in: 1...20, using: &random)).map { _ in
      // Small and large magnitudes alike.
      let value = random.next() >> UInt64.random(in: 0...63, using: &random)
      switch random.next() % 9 {
      case 0: return .byte(UInt8(truncatingIfNeeded: value))
      case 1: return .short(UInt16(truncatingIfNeeded: value))
      case 2: return .word(UInt32(truncatingIfNeeded: value))
      case 3: return .long(Int64(bitPattern: value))
      case 4: return .wide(UInt128(value) << 64 | UInt128(random.next()))
      case 5: return .varint(value)
      case 6: return .signed(random.oneIn(2) ? Int64(bitPattern: value) : ~Int64(bitPattern: value))
      case 7: return .bytes(random.bytes(Int(value % 40)))
      default: return .prefixed(random.bytes(Int(value % 40)))
      }
    }
  }

  @Test(arguments: UInt64(1)...200)
  func roundTripsSeededItemsAndSurvivesEveryCut(seed: UInt64) {
    let items = Self.items(seed: seed)
    var writer = ByteWriter()
    var ends: [Int] = []
    for item in items {
      item.write(to: &writer)
      ends.append(writer.count)
    }
    for cut in 0...writer.count {
      var reader = ByteReader(writer.bytes.span.extracting(0..<cut))
      var readCount = 0
      for item in items {
        guard let found = item.reread(from: &reader) else { break }
        if found != item { Issue.record("seed \(seed), cut \(cut): \(found) is not \(item)") }
        readCount += 1
      }
      // Items that end before the cut are whole; empty ones may lie on it.
      if readCount != ends.count(where: { $0 <= cut }) { Issue.record("seed \(seed), cut \(cut)") }
    }
  }

  @Test(arguments: UInt64(1)...200)
  func randomBytesNeverTrap(seed: UInt64) {
    var random = SeededRandom(seed: seed &* 77)
    let bytes = random.bytes(Int.random(in: 0...60, using: &random))
    var reader = ByteReader(bytes.span)
    for item in Self.items(seed: seed) {
      guard item.reread(from: &reader) != nil else { break }
      #expect(reader.offset + reader.remaining == bytes.count)
    }
  }

  static let varints: [(value: UInt64, hex: String)] = [
    (0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"),
    (UInt64(UInt32.max), "ffffffff0f"), (.max, "ffffffffffffffffff01"),
  ]

  @Test(arguments: varints)
  func varintsHaveTheseBytes(value: UInt64, hex: String) {
    var writer = ByteWriter()
    writer.writeVarint(value)
    #expect(Hex.text(writer.bytes) == hex)
  }

  static let signed: [(value: Int64, hex: String)] = [
    (0, "00"), (-1, "01"), (1, "02"), (-64, "7f"), (64, "8001"),
    (.max, "feffffffffffffffff01"), (.min, "ffffffffffffffffff01"),
  ]

  @Test(arguments: signed)
  func signedVarintsHaveTheseBytes(value: Int64, hex: String) {
    var writer = ByteWriter()
    writer.writeSignedVarint(value)
    #expect(Hex.text(writer.bytes) == hex)
  }

  @Test func varintsBeyond64BitsAreRefused() {
    for hex in ["ffffffffffffffffff02", "ffffffffffffffffff8100", "80808080808080808080808000"] {
      let bytes = Hex.bytes(hex)
      var reader = ByteReader(bytes.span)
      #expect(reader.readVarint() == nil)
    }
  }

  @Test func lengthsThatLieAreRefused() {
    let bytes: [UInt8] = [5, 1, 2, 3, 4, 5]
    var reader = ByteReader(bytes.span)
    #expect(reader.readLengthPrefixed(byteCountMax: 4) == nil)
    reader = ByteReader(bytes.span)
    #expect(reader.readLengthPrefixed(byteCountMax: 5) == [1, 2, 3, 4, 5])
    reader = ByteReader(bytes.span)
    #expect(reader.readBytes(-1) == nil)
    #expect(reader.skip(-1) == nil)
    #expect(reader.skip(7) == nil)
    #expect(reader.skip(6) != nil)
    #expect(reader.readByte() == nil)
  }

  @Test func writtenIntegersCanBeReplaced() {
    var writer = ByteWriter(reserving: 16)
    writer.writeInteger(UInt32(0))
    writer.writeBytes([9, 9])
    writer.replaceInteger(UInt32(0x0403_0201), at: 0)
    #expect(writer.bytes == [1, 2, 3, 4, 9, 9])
    writer.removeAll()
    #expect(writer.count == 0)
  }
}
