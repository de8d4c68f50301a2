import Model
import TestSupport
import Testing

/// Goal: every row comes back bit for bit, and no body whatever can trap or read beyond itself.
/// Method: seeded rows, golden bytes, every cut, every bit flip.
@Suite struct RowCodingTests {
  @Test(arguments: UInt64(1)...200)
  func roundTripsSeededRows(seed: UInt64) {
    let samples = RowSamples(seed: seed)
    let batch = samples.batch()
    let found = unsafe decode(
      UnsafeRawBufferPointer(start: batch.body, count: batch.bodyByteCount),
      samples
    )
    #expect(!found.isDamaged)
    #expect(found.heads == samples.heads)
    for row in samples.rows.indices {
      if found.rows[row] != samples.expected(row) { Issue.record("row \(row), seed \(seed)") }
    }
  }

  @Test(arguments: UInt64(1)...40)
  func skippedColumnsLeaveTheOthersAlone(seed: UInt64) throws {
    let samples = RowSamples(seed: seed)
    let batch = samples.batch()
    var random = SeededRandom(seed: seed &* 3)
    var reader = unsafe RowReader(batch)
    for row in samples.rows.indices {
      let (_, payload) = unsafe try #require(unsafe reader.next())
      var cursor = unsafe RowCursor(payload, columnCount: samples.types.count)
      let expected = samples.expected(row)
      for (column, type) in samples.types.enumerated() {
        if random.oneIn(2) {
          unsafe cursor.skip(type)
          continue
        }
        let found: Decoded
        switch type {
        case .float:
          found = unsafe .cell(cursor.nextFloat(divisor: samples.divisors[column]))
        case .string: found = unsafe .string(Array(cursor.nextString()))
        default: found = unsafe .cell(cursor.nextInteger())
        }
        if found != expected[column] { Issue.record("row \(row), column \(column)") }
      }
      #expect(unsafe !cursor.isDamaged)
    }
    #expect(unsafe reader.next() == nil)
  }

  @Test func goldenBytesNeverChange() {
    var samples = RowSamples(seed: 1, rowCount: 0)
    samples.types = [.float, .float, .integer, .boolean, .string]
    samples.exponents = [1, 2, 0, 0, 0]
    let first = RowHead(layout: LayoutID(4), timestamp: 1_000, scaleTable: ScaleTableID(9))
    samples.heads = [first, first, first]
    samples.heads[1].layout = LayoutID(5)
    samples.heads[2].timestamp = 2_000
    let odd: UInt64 = 0x3ff0_0000_0000_0001
    samples.rows = [
      [.scaled(125), .scaled(-300), .integer(70_000), .boolean(true), .string([0x6f, 0x6b])],
      [.scaled(0), .float(odd), .integer(-1), .boolean(false), .string([])],
      [.scaled(0), .scaled(0), .integer(.min), .boolean(false), .string([0x78])],
    ]
    let golden = """
      08 04000000 e803000000000000 09000000 10000000
         7903 7d d4fe 70110100 01 02000000 6f6b
      0f 13000000
         1c03 00000080010000000000f03f ff 00000000
      0c 04000000 d007000000000000 13000000
         3003 000000800000000000000080 01000000 78
      """
    let batch = samples.batch()
    let body = unsafe UnsafeRawBufferPointer(start: batch.body, count: batch.bodyByteCount)
    #expect(unsafe Hex.text(body) == Hex.text(Hex.bytes(golden)))
  }

  @Test(arguments: UInt64(1)...30)
  func everyCutIsSeen(seed: UInt64) {
    let samples = RowSamples(seed: seed, rowCount: 4)
    let batch = samples.batch()
    let body = unsafe Array(UnsafeRawBufferPointer(start: batch.body, count: batch.bodyByteCount))
    for cut in 0..<body.count {
      let found = unsafe withPadding(Array(body[..<cut])) { unsafe decode($0, samples) }
      // Whole rows before the cut are what they were; the cut row is missing and noticed.
      let isAtRowEnd = !found.isDamaged
      #expect(found.rows.count < 4)
      for row in found.rows.indices where found.rows[row] != samples.expected(row) {
        Issue.record("row \(row), cut \(cut), seed \(seed)")
      }
      if isAtRowEnd, cut > 0 { #expect(!found.rows.isEmpty) }
    }
  }

  @Test(arguments: UInt64(1)...30)
  func noBitFlipTraps(seed: UInt64) {
    let samples = RowSamples(seed: seed, rowCount: 3)
    let batch = samples.batch()
    let body = unsafe Array(UnsafeRawBufferPointer(start: batch.body, count: batch.bodyByteCount))
    for bit in 0..<body.count * 8 {
      let found = unsafe withPadding(body.flipping(bit: bit)) { unsafe decode($0, samples) }
      // A row cannot give more bytes of strings than the body has.
      let stringByteCount = found.rows.compactMap { $0 }.joined().reduce(0) { sum, value in
        if case .string(let bytes) = value { sum + bytes.count } else { sum }
      }
      if stringByteCount > body.count { Issue.record("bit \(bit), seed \(seed)") }
    }
  }

  @Test(arguments: UInt64(1)...200)
  func randomBytesNeverTrap(seed: UInt64) {
    var random = SeededRandom(seed: seed &* 1_000_003)
    let samples = RowSamples(seed: seed, rowCount: 0)
    for _ in 0..<50 {
      let bytes = random.bytes(Int.random(in: 0...300, using: &random))
      _ = unsafe withPadding(bytes) { unsafe decode($0, samples) }
    }
  }

  @Test func aDamagedPayloadReadsAsZeros() {
    // One column of one byte, but the byte is missing; then one that is there.
    let cut = unsafe withPadding([0b01]) { payload in
      var cursor = unsafe RowCursor(payload, columnCount: 1)
      let cell = unsafe cursor.nextInteger()
      return unsafe (cell, cursor.isDamaged)
    }
    #expect(cut == (0, true))
    let whole = unsafe withPadding([0b01, 0xff]) { payload in
      var cursor = unsafe RowCursor(payload, columnCount: 1)
      let cell = unsafe cursor.nextInteger()
      return unsafe (cell, cursor.isDamaged)
    }
    #expect(whole == (.max, false))
    let codeless = unsafe withPadding([]) { payload in
      var cursor = unsafe RowCursor(payload, columnCount: 1)
      let cell = unsafe cursor.nextFloat(divisor: 1)
      return unsafe (cell, cursor.isDamaged)
    }
    #expect(codeless == (0, true))
  }

  @Test func rowsStayWithinTheirReservation() {
    for columnCount in [1, 3, 4, 5, 16, 17, 255] {
      for hasStrings in [false, true] {
        var samples = RowSamples(seed: 1, rowCount: 0)
        samples.types = [ColumnType](repeating: hasStrings ? .string : .float, count: columnCount)
        samples.exponents = samples.types.map { _ in 0 }
        samples.heads = [RowHead(layout: LayoutID(1), timestamp: 1, scaleTable: .zero)]
        let widest: Sample = hasStrings ? .string([1, 2, 3]) : .float(.max)
        samples.rows = [[Sample](repeating: widest, count: columnCount)]
        let batch = samples.batch()
        let reserved = unsafe RowEncoder.byteCountMax(
          columnCount: columnCount,
          stringByteCount: hasStrings ? 3 * columnCount : 0
        )
        #expect(batch.bodyByteCount + 8 <= reserved)
      }
    }
  }
}
