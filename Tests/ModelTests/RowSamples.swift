import Model
import TestSupport

/// A value as a test thinks of it, beside the cell that must come back.
enum Sample: Equatable {
  /// A float that is this integer divided by the column's power of ten.
  case scaled(Int64)
  /// A float, by its bits.
  case float(UInt64)
  case integer(Int64)
  case unsigned(UInt64)
  case boolean(Bool)
  case string([UInt8])
}

/// Rows of one field set, with what a reader must find.
struct RowSamples {
  static let bodyByteCountMax = 1 << 20

  var types: [ColumnType]
  var exponents: [Int]
  var heads: [RowHead] = []
  var rows: [[Sample]] = []

  var divisors: [Double] { exponents.map { DecimalScale.powers[$0] } }

  /// Seeded rows with every code, exceptions and, when asked for, strings.
  init(seed: UInt64, rowCount: Int? = nil, hasStrings: Bool? = nil) {
    var random = SeededRandom(seed: seed)
    let withStrings = hasStrings ?? random.oneIn(2)
    let kinds: [ColumnType] =
      withStrings ? ColumnType.allCases : [.float, .integer, .unsigned, .boolean]
    let columnCount = Int.random(in: 1...40, using: &random)
    types = (0..<columnCount).map { _ in kinds.randomElement(using: &random) ?? .float }
    exponents = types.map { $0 == .float ? Int.random(in: 0...6, using: &random) : 0 }
    var head = RowHead(layout: LayoutID(7), timestamp: 1_700_000_000_000_000_000, scaleTable: .zero)
    for _ in 0..<(rowCount ?? Int.random(in: 1...30, using: &random)) {
      if random.oneIn(2) { head.timestamp += Int64.random(in: 0...1 << 41, using: &random) }
      if random.oneIn(3) { head.scaleTable = ScaleTableID(UInt32(random.next() % 3)) }
      head.layout = LayoutID(
        random.oneIn(3) ? UInt32(truncatingIfNeeded: random.next()) : head.layout.rawValue &+ 1
      )
      heads.append(head)
      rows.append(types.map { Self.sample($0, &random) })
    }
  }

  private static func sample(_ type: ColumnType, _ random: inout SeededRandom) -> Sample {
    let narrow = Int64(bitPattern: random.next()) >> Int64.random(in: 0...63, using: &random)
    switch type {
    case .float: return random.oneIn(6) ? .float(random.next()) : .scaled(narrow >> 32)
    case .integer: return .integer(narrow)
    case .unsigned: return .unsigned(random.next() >> UInt64.random(in: 0...63, using: &random))
    case .boolean: return .boolean(random.oneIn(2))
    case .string: return .string(random.bytes(Int.random(in: 0...20, using: &random)))
    }
  }

  /// The sealed and stamped batch of all rows.
  func batch() -> RowBatch {
    let stringByteCount = rows.joined().reduce(0) { sum, sample in
      if case .string(let bytes) = sample { sum + bytes.count } else { sum }
    }
    let capacity = rows.reduce(stringByteCount) { sum, row in
      unsafe sum + RowEncoder.byteCountMax(columnCount: row.count, stringByteCount: 0)
    }
    let batch = RowBatch(
      capacity: capacity,
      tenant: TenantID(3),
      partition: PartitionID(5),
      kind: .rows
    )
    var end = batch.body
    var previous: RowHead?
    for (head, row) in zip(heads, rows) {
      unsafe end = encode(head, row, after: previous, at: end)
      previous = head
    }
    batch.seal(
      bodyByteCount: unsafe end - batch.body,
      rowCount: rows.count,
      pointCount: rows.count * types.count,
      registryVersion: 11,
      arrival: 1_700_000_000_000_000_001
    )
    batch.stamp(epoch: Epoch(2), offset: Offset(99))
    return batch
  }

  @unsafe private func encode(
    _ head: RowHead,
    _ row: [Sample],
    after previous: RowHead?,
    at start: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    var encoder = unsafe RowEncoder(
      at: start,
      layout: head.layout,
      timestamp: head.timestamp,
      scaleTable: head.scaleTable,
      previous: previous,
      columnCount: types.count,
      hasStrings: types.contains(.string)
    )
    for sample in row {
      switch sample {
      case .scaled(let value):
        // The one value of 32 bits that announces an exception rides as one.
        if unsafe !encoder.append(scaled: value) {
          unsafe encoder.append(exception: Double(value).bitPattern)
        }
      case .float(let bits): unsafe encoder.append(exception: bits)
      case .integer(let value): unsafe encoder.append(integer: value)
      case .unsigned(let value): unsafe encoder.append(integer: Int64(bitPattern: value))
      case .boolean(let value): unsafe encoder.append(integer: value ? 1 : 0)
      case .string(let bytes):
        unsafe bytes.withUnsafeBytes { unsafe encoder.append(string: $0) }
      }
    }
    return unsafe encoder.finish()
  }

  /// The cells that row `row` must decode to; for strings the bytes themselves.
  func expected(_ row: Int) -> [Decoded] {
    zip(rows[row], divisors).map { sample, divisor in
      switch sample {
      case .scaled(let value):
        let isException = value == Int64(Int32.min)
        return .cell((isException ? Double(value) : Double(value) / divisor).bitPattern)
      case .float(let bits): return .cell(bits)
      case .integer(let value): return .cell(UInt64(bitPattern: value))
      case .unsigned(let value): return .cell(value)
      case .boolean(let value): return .cell(value ? 1 : 0)
      case .string(let bytes): return .string(bytes)
      }
    }
  }
}

/// What a cursor gives for one column.
enum Decoded: Equatable {
  case cell(Cell)
  case string([UInt8])
}

/// Reads all rows of a body as rows of the given types; `nil` where a row was damaged.
@unsafe func decode(
  _ body: UnsafeRawBufferPointer,
  _ samples: RowSamples
) -> (heads: [RowHead], rows: [[Decoded]?], isDamaged: Bool) {
  guard let base = body.baseAddress else { return ([], [], false) }
  var reader = unsafe RowReader(base, byteCount: body.count)
  var heads: [RowHead] = []
  var rows: [[Decoded]?] = []
  let divisors = samples.divisors
  while let (head, payload) = unsafe reader.next() {
    heads.append(head)
    var cursor = unsafe RowCursor(payload, columnCount: samples.types.count)
    var row: [Decoded] = []
    for (type, divisor) in zip(samples.types, divisors) {
      switch type {
      case .float: unsafe row.append(.cell(cursor.nextFloat(divisor: divisor)))
      case .string: unsafe row.append(.string(Array(cursor.nextString())))
      case .integer, .unsigned, .boolean: unsafe row.append(.cell(cursor.nextInteger()))
      }
    }
    rows.append(unsafe cursor.isDamaged ? nil : row)
  }
  return unsafe (heads, rows, reader.isDamaged)
}

/// Runs `body` on a copy of `bytes` with the slack behind it that decoders may load from.
func withPadding<Result>(
  _ bytes: [UInt8],
  _ body: (UnsafeRawBufferPointer) -> Result
) -> Result {
  let padded = bytes + [UInt8](repeating: 0xff, count: RowBatch.paddingByteCount)
  return unsafe padded.withUnsafeBytes { buffer in
    unsafe body(UnsafeRawBufferPointer(rebasing: buffer[..<bytes.count]))
  }
}
