internal import Bytes
internal import Model

/// Columns of a tile: integers over a known power of ten, whose least and greatest values and
/// differences were found eight columns at a time.
extension NumberEncoder {
  /// Appends a held column of a tile as one head chunk, the bytes that
  /// ``encode(_:type:_:hint:into:)`` makes of its cells.
  ///
  /// - Returns: false, and nothing has changed, when the cells must be looked at.
  mutating func encode(
    _ tile: borrowing IntegerTile,
    _ column: Int,
    type: ColumnType,
    hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) -> Bool {
    let count = tile.rowCount
    guard count <= PackedBlock.valueCountMax else { return false }
    let least = tile.least(column, order: 0)
    let greatest = tile.greatest(column, order: 0)
    if least == greatest {
      let cell = tile.cell(least, column, isFloat: type == .float)
      ConstantCell.encode(cell, type: type, into: &buffer)
      return true
    }
    guard Int64(greatest) - Int64(least) < IntegerTile.spanMax else { return false }
    let start = buffer.count
    if hint.isFresh(.head, count: count) {
      guard hint.codec == .scaled, hint.power == tile.power(column) else { return false }
      if !writePlain(tile, column, &hint, into: &buffer) {
        let words = words(tile, column)
        writeScaledAgain(words, .head, &hint, into: &buffer)
      }
      hint.note(byteCount: buffer.count - start, count: count, .head)
      return true
    }
    guard let exponent = Self.exponent(tile, column) else { return false }
    var found = ColumnHint()
    let words = words(tile, column)
    Self.writeScaled(&streams, words, exponent: exponent, .head, &found, into: &buffer)
    guard (buffer.count - start) * 8 <= Self.decimalBitCountMax * count else {
      buffer.truncate(to: start)
      return false
    }
    hint = found
    hint.note(byteCount: buffer.count - start, count: count, .head)
    return true
  }

  /// Appends one block without patches, where the column's last choice makes no other.
  private func writePlain(
    _ tile: borrowing IntegerTile,
    _ column: Int,
    _ hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) -> Bool {
    guard hint.divisor == 1, !hint.isEntropyCoded else { return false }
    let order = min(Int(hint.order), tile.rowCount - 1)
    let fieldCount = tile.rowCount - order
    let base = tile.least(column, order: order)
    let range = UInt32(bitPattern: tile.greatest(column, order: order) &- base)
    let width = 32 - range.leadingZeroBitCount
    let isCalm = hint.calmWidth > 0 && width <= Int(hint.calmWidth) + 1
    guard isCalm || width * fieldCount < PackedBlock.outlierBitCountMin else { return false }
    let stream = IntegerStream(order: order)
    buffer.writeByte(FloatChunk.scaledByte(stream, exponent: Int(hint.exponent)))
    if order > 0 {
      let integers = tile.integers(column)
      buffer.writeSignedVarint(Int64(integers[0]))
      if order == 2 { buffer.writeSignedVarint(Int64(integers[1]) - Int64(integers[0])) }
    }
    hint.calmWidth = UInt8(width)
    if width == 0, base == 0 {
      buffer.writeByte(PackedBlock.zeroBlocksFlag + 1)
      return true
    }
    buffer.writeByte(UInt8(width))
    buffer.writeSignedVarint(Int64(base))
    if width > 0 { tile.pack(column, order: order, base: base, width: width, into: &buffer) }
    return true
  }

  /// The smallest exponent that all cells belong to; `nil` when it must be looked for. A decimal of
  /// ten digits whose last one is not 0 belongs to no smaller exponent.
  private static func exponent(_ tile: borrowing IntegerTile, _ column: Int) -> Int? {
    let power = tile.power(column)
    if power == 1 { return 0 }
    let integers = tile.integers(column)
    for index in integers.indices where integers[index] % 10 != 0 {
      return DecimalScale.powers.firstIndex(of: power)
    }
    return nil
  }

  /// The integers of a column as words of scratch.
  private mutating func words(_ tile: borrowing IntegerTile, _ column: Int) -> Words {
    let words = integers.words(tile.rowCount)
    let values = tile.integers(column)
    for index in values.indices {
      words[index] = UInt64(bitPattern: Int64(unsafe values[unchecked: index]))
    }
    return words
  }
}

extension ColumnHint {
  /// The power of ten that the last chunk was over.
  fileprivate var power: Double { DecimalScale.powers[Int(exponent)] }
}
