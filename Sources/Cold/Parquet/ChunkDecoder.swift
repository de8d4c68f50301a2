internal import Bytes
internal import Model

/// Reads the pages of a column chunk.
struct ChunkDecoder {
  typealias Fault = FileFooter.Fault

  private let column: ParquetColumn
  private let rowCount: Int
  private var dictionary: [Cell]?
  private(set) var values = ParquetValues()

  init(column: ParquetColumn, rowCount: Int) {
    self.column = column
    self.rowCount = rowCount
  }

  /// Reads the page at the start of `bytes`.
  ///
  /// - Returns: the position behind it.
  mutating func page(_ bytes: ArraySlice<UInt8>) throws(Fault) -> Int {
    guard let (head, start) = PageHead.decode(bytes) else {
      throw Fault(.damage, "expected the head of a page")
    }
    guard bytes.endIndex - start >= head.byteCount else {
      throw Fault(
        .damage,
        "expected a page of \(head.byteCount) bytes, found \(bytes.endIndex - start)"
      )
    }
    let body = bytes[start..<start + head.byteCount]
    guard let checksum = head.checksum, CRC32.checksum(body.span) == checksum else {
      throw Fault(.damage, "expected the page's checksum to hold")
    }
    guard let raw = ZstdPages.decompress(body, byteCount: head.rawByteCount) else {
      throw Fault(.damage, "expected a zstd frame of \(head.rawByteCount) bytes")
    }
    switch head.kind {
    case .dictionary: try readDictionary(head, raw)
    case .data: try readData(head, raw[...])
    }
    return body.endIndex
  }

  private mutating func readDictionary(_ head: PageHead, _ raw: [UInt8]) throws(Fault) {
    guard dictionary == nil, values.rows.count == 0, head.encoding == .plain,
      column.type != .boolean
    else { throw Fault(.damage, "expected one dictionary before the values") }
    dictionary = try plain(raw[...], count: head.valueCount)
  }

  private mutating func readData(_ head: PageHead, _ raw: ArraySlice<UInt8>) throws(Fault) {
    guard head.valueCount <= rowCount - values.rows.count else {
      throw Fault(.damage, "expected \(rowCount) rows, found more")
    }
    let known = values.rows.setCount
    let body = try readLevels(head.valueCount, raw)
    let count = values.rows.setCount - known
    let cells: [Cell]?
    switch head.encoding {
    case .plain: cells = try plain(body, count: count)
    case .byteStreamSplit where column.type == .double:
      cells = ValueCoding.decodeSplit(body, count: count)
    case .deltaBinaryPacked where column.type.physical == .int64:
      cells = DeltaBinaryPacked.decode(body, countMax: count)
    case .dictionary: cells = lookUp(body, count: count)
    case .byteStreamSplit, .deltaBinaryPacked, .runLength:
      throw Fault(.foreign, "expected an encoding that varve export writes")
    }
    guard let cells, cells.count == count else {
      throw Fault(.damage, "expected \(count) values in a page")
    }
    values.cells += cells
  }

  /// - Returns: the bytes behind the levels.
  private mutating func readLevels(
    _ count: Int,
    _ raw: ArraySlice<UInt8>
  ) throws(Fault) -> ArraySlice<UInt8> {
    guard column.isOptional else {
      values.rows.append(true, count: count)
      return raw
    }
    guard raw.count >= 4 else { throw Fault(.damage, "expected levels") }
    let byteCount = (0..<4).reduce(0) { $0 | Int(raw[raw.startIndex + $1]) << (8 * $1) }
    guard byteCount <= raw.count - 4 else { throw Fault(.damage, "expected levels in the page") }
    let start = raw.startIndex + 4
    var levels: [UInt32] = []
    let end = RunLengthHybrid.decode(
      raw[start..<start + byteCount],
      bitWidth: 1,
      count: count,
      into: &levels
    )
    guard end == start + byteCount else {
      throw Fault(.damage, "expected \(count) levels in the page")
    }
    for level in levels { values.rows.append(level & 1 == 1) }
    return raw[(start + byteCount)...]
  }

  private mutating func plain(
    _ bytes: ArraySlice<UInt8>,
    count: Int
  ) throws(Fault) -> [Cell] {
    let cells: [Cell]?
    switch column.type {
    case .boolean: cells = ValueCoding.decodeBits(bytes, count: count)
    case .string:
      var references: [Cell]? = []
      for place in ValueCoding.decodeStrings(bytes, count: count) ?? [] {
        guard let cell = values.strings.append(bytes[place].span) else {
          references = nil
          break
        }
        references?.append(cell)
      }
      cells = references
    default: cells = ValueCoding.decodeWords(bytes, count: count)
    }
    guard let cells, cells.count == count else {
      throw Fault(.damage, "expected \(count) plain values")
    }
    return cells
  }

  private func lookUp(_ bytes: ArraySlice<UInt8>, count: Int) -> [Cell]? {
    guard let dictionary, let bitWidth = bytes.first else { return nil }
    var indices: [UInt32] = []
    guard
      RunLengthHybrid.decode(
        bytes.dropFirst(),
        bitWidth: Int(bitWidth),
        count: count,
        into: &indices
      ) == bytes.endIndex
    else { return nil }
    var cells: [Cell] = []
    cells.reserveCapacity(count)
    for index in indices {
      guard index < dictionary.count else { return nil }
      cells.append(dictionary[Int(index)])
    }
    return cells
  }
}
