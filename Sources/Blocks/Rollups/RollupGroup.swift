internal import Bytes
internal import Codecs
internal import Model

/// A group of a rollup file as it was read, its checksum verified: decodes the columns that are
/// asked for.
struct RollupGroup {
  private struct Timing {
    var count: Int
    var chunks: [Range<Int>]
  }

  private struct Column {
    var field: FieldID
    var type: ColumnType
    var timing: Int
    /// Low and high halves of sums, minima, maxima, firsts, lasts.
    var chunks: [Range<Int>]
  }

  let series: SeriesID
  private let bytes: [UInt8]
  private let identity: RollupIdentity
  private var timings: [Timing] = []
  private var columns: [Column] = []

  private static let chunksPerTiming = 4
  private static let chunksPerColumn = 6

  /// - Parameter bytes: the whole group.
  init(_ bytes: [UInt8], _ identity: RollupIdentity) throws(BlockError) {
    let part = BlockPart.group
    self.bytes = bytes
    self.identity = identity
    let all = bytes.span
    let (series, byteCount) = try Self.head(all)
    guard all.count == RollupGroupWriter.headByteCount + byteCount else { throw .truncated(part) }
    self.series = series
    var reader = ByteReader(all)
    guard reader.skip(12) != nil, let checksum = reader.readInteger(UInt32.self) else {
      throw .truncated(part)
    }
    let body = all.extracting(droppingFirst: RollupGroupWriter.headByteCount)
    guard CRC32C.checksum(body) == checksum else { throw .checksum(part) }
    reader = ByteReader(body)
    guard readDirectory(&reader) else { throw .malformed(part) }
    var end = RollupGroupWriter.headByteCount + reader.offset
    for index in timings.indices { place(&timings[index].chunks, &end) }
    for index in columns.indices { place(&columns[index].chunks, &end) }
    guard end == all.count else { throw .malformed(part) }
  }

  /// The series and the body's bytes of the group that begins with `bytes`.
  static func head(_ bytes: Span<UInt8>) throws(BlockError) -> (SeriesID, byteCount: Int) {
    let part = BlockPart.group
    guard bytes.count >= RollupGroupWriter.headByteCount else { throw .truncated(part) }
    var reader = ByteReader(bytes)
    guard let magic = reader.readInteger(UInt32.self),
      let byteCount = reader.readInteger(UInt32.self),
      let series = reader.readInteger(UInt32.self), reader.skip(4) != nil,
      let checksum = reader.readInteger(UInt32.self)
    else { throw .truncated(part) }
    guard magic == RollupGroupWriter.magic else { throw .magic(part, found: magic) }
    guard CRC32C.checksum(bytes.extracting(0..<16)) == checksum else { throw .checksum(part) }
    return (SeriesID(series), Int(byteCount))
  }

  private mutating func readDirectory(_ reader: inout ByteReader) -> Bool {
    let countMax = identity.unit.windowsPerFile
    guard let timingCount = reader.readVarint(),
      timingCount <= UInt64(RollupGroupWriter.columnCountMax)
    else { return false }
    for _ in 0..<timingCount {
      guard let count = reader.readVarint(), count >= 1, count <= UInt64(countMax),
        let chunks = readLengths(&reader, Self.chunksPerTiming)
      else { return false }
      timings.append(Timing(count: Int(count), chunks: chunks))
    }
    guard let columnCount = reader.readVarint(), columnCount >= 1,
      columnCount <= UInt64(RollupGroupWriter.columnCountMax)
    else { return false }
    var next: UInt64 = 0
    for _ in 0..<columnCount {
      guard let gap = reader.readVarint(), gap <= UInt64(UInt32.max),
        let field = UInt32(exactly: next + gap), let code = reader.readByte(),
        let type = ColumnType(rawValue: code), let timing = reader.readVarint(),
        timing < timingCount, let chunks = readLengths(&reader, Self.chunksPerColumn)
      else { return false }
      next = UInt64(field) + 1
      columns.append(
        Column(field: FieldID(field), type: type, timing: Int(timing), chunks: chunks)
      )
    }
    return true
  }

  /// Lengths, as ranges that begin at 0 until they are placed.
  private func readLengths(_ reader: inout ByteReader, _ count: Int) -> [Range<Int>]? {
    var ranges: [Range<Int>] = []
    for _ in 0..<count {
      guard let byteCount = reader.readVarint(), byteCount <= UInt64(bytes.count) else {
        return nil
      }
      ranges.append(0..<Int(byteCount))
    }
    return ranges
  }

  private func place(_ chunks: inout [Range<Int>], _ end: inout Int) {
    for index in chunks.indices {
      let start = end
      end += chunks[index].count
      chunks[index] = start..<end
    }
  }

  var fields: [(field: FieldID, type: ColumnType)] { columns.map { ($0.field, $0.type) } }

  /// Decodes columns.
  ///
  /// - Parameters:
  ///   - fields: those that are wanted; `nil` for all.
  ///   - parts: what is read of windows; the other members are 0, counts are always there.
  func decode(
    _ fields: Set<FieldID>?,
    _ parts: RollupParts
  ) throws(BlockError) -> [RollupColumn] {
    var result: [RollupColumn] = []
    var known: [Int: (numbers: [Int64], windows: [Window])] = [:]
    for column in columns where fields?.contains(column.field) ?? true {
      let timing: (numbers: [Int64], windows: [Window])
      if let found = known[column.timing] {
        timing = found
      } else {
        timing = try decode(timings[column.timing], parts)
        known[column.timing] = timing
      }
      result.append(try decode(column, timing.numbers, timing.windows, parts))
    }
    return result
  }

  private func decode(
    _ timing: Timing,
    _ parts: RollupParts
  ) throws(BlockError) -> (numbers: [Int64], windows: [Window]) {
    let unit = identity.unit.nanoseconds
    var strings = StringArena()
    let places = try cells(timing.chunks[0], .unsigned, timing.count, nil, &strings)
    let counts = try cells(timing.chunks[1], .unsigned, timing.count, nil, &strings)
    let wantsFirst = parts.contains(.first)
    let wantsLast = parts.contains(.last)
    var firsts: [Cell] = []
    var lasts: [Cell] = []
    if wantsFirst { firsts = try cells(timing.chunks[2], .unsigned, timing.count, nil, &strings) }
    if wantsLast { lasts = try cells(timing.chunks[3], .unsigned, timing.count, nil, &strings) }
    let countMax = UInt64(identity.unit.windowsPerFile)
    var numbers: [Int64] = []
    var windows: [Window] = []
    numbers.reserveCapacity(timing.count)
    windows.reserveCapacity(timing.count)
    for index in places.indices {
      guard places[index] < countMax, index == 0 || places[index] > places[index - 1],
        counts[index] > 0, !wantsFirst || firsts[index] < UInt64(unit),
        !wantsLast || lasts[index] < UInt64(unit)
      else { throw .malformed(.group) }
      let number = identity.firstWindow + Int64(places[index])
      let start = number * unit
      numbers.append(number)
      windows.append(
        Window(
          count: counts[index],
          sum: .zero,
          min: 0,
          max: 0,
          first: 0,
          last: 0,
          firstTimestamp: wantsFirst ? start + Int64(firsts[index]) : start,
          lastTimestamp: wantsLast ? start + Int64(lasts[index]) : start
        )
      )
    }
    return (numbers, windows)
  }

  private func decode(
    _ column: Column,
    _ numbers: [Int64],
    _ timed: [Window],
    _ parts: RollupParts
  ) throws(BlockError) -> RollupColumn {
    var result = RollupColumn(
      field: column.field,
      type: column.type,
      numbers: numbers,
      windows: timed
    )
    let count = numbers.count
    let type = column.type
    func read(_ chunk: Int, _ type: ColumnType) throws(BlockError) -> [Cell] {
      try cells(column.chunks[chunk], type, count, column.field, &result.strings)
    }
    if type != .string {
      if parts.contains(.sum) {
        let low = try read(0, type == .float ? .float : .integer)
        let high = column.chunks[1].isEmpty ? nil : try read(1, .integer)
        for index in low.indices {
          let sign = type == .float ? 0 : Cell(bitPattern: Int64(bitPattern: low[index]) >> 63)
          result.windows[index].sum = WindowSum(low: low[index], high: high?[index] ?? sign)
        }
      }
      if parts.contains(.min) {
        let cells = try read(2, type)
        for index in cells.indices { result.windows[index].min = cells[index] }
      }
      if parts.contains(.max) {
        let cells = try read(3, type)
        for index in cells.indices { result.windows[index].max = cells[index] }
      }
    }
    if parts.contains(.first) {
      let cells = try read(4, type)
      for index in cells.indices { result.windows[index].first = cells[index] }
    }
    if parts.contains(.last) {
      let cells = try read(5, type)
      for index in cells.indices { result.windows[index].last = cells[index] }
    }
    return result
  }

  private func cells(
    _ range: Range<Int>,
    _ type: ColumnType,
    _ count: Int,
    _ field: FieldID?,
    _ strings: inout StringArena
  ) throws(BlockError) -> [Cell] {
    let chunk = bytes.span.extracting(range)
    do throws(ChunkError) {
      return try ColumnChunk.decode(chunk, type: type, count: count, strings: &strings)
    } catch {
      throw .chunk(field, error)
    }
  }
}
