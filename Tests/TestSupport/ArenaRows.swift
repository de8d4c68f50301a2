public import Model

/// Rows of one layout in an arena, made of columns.
public struct ArenaRows {
  /// What a row says of one column.
  public enum Value: Sendable {
    /// An integer of 32 bits, over the column's power of ten when it is one of floats.
    case scaled(Int32)
    case cell(Cell)
  }

  private let arena = RowArena()
  private var run = RowRun()

  /// - Parameters:
  ///   - columns: all of one length.
  ///   - scales: the scale table of each row; 0 for all when there are fewer.
  ///   - byteCountMax: payloads are cut off there.
  public init(
    _ columns: [[Value]],
    timestamps: [Timestamp],
    scales: [ScaleTableID] = [],
    byteCountMax: (Int) -> Int = { _ in .max }
  ) {
    for (row, timestamp) in timestamps.enumerated() {
      var payload = [UInt8](
        repeating: 0,
        count: unsafe PayloadEncoder.byteCountMax(
          columnCount: columns.count,
          stringByteCount: 0
        )
      )
      let head = RowHead(
        layout: LayoutID(0),
        timestamp: timestamp,
        scaleTable: row < scales.count ? scales[row] : .zero
      )
      unsafe payload.withUnsafeMutableBytes { bytes in
        guard let start = bytes.baseAddress else { return }
        var encoder = unsafe PayloadEncoder(at: start, columnCount: columns.count)
        for column in columns {
          switch column[row] {
          case .scaled(let value):
            if unsafe !encoder.append(scaled: Int64(value)) {
              unsafe encoder.append(exception: Double(value).bitPattern)
            }
          case .cell(let cell): unsafe encoder.append(exception: cell)
          }
        }
        let count = min(unsafe encoder.finish(), byteCountMax(row))
        unsafe arena.append(
          head,
          payload: UnsafeRawBufferPointer(rebasing: bytes[..<count]),
          to: &run
        )
      }
    }
  }

  /// The rows, valid while this value is.
  public func references() -> [RowReference] {
    var rows: [RowReference] = []
    arena.reader().collect(run, index: 0, into: &rows)
    return rows
  }
}
