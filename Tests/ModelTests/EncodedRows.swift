import Model

/// One row as a test writes it down.
struct TestRow {
  var layout: UInt32 = 0
  var timestamp: Timestamp
  var scale: UInt32 = 0
  var values: [Value]

  enum Value {
    case scaled(Int64)
    case exact(Cell)
    case text(String)
  }
}

/// A sealed batch that holds `rows`, written by ``RowEncoder``.
func batch(of rows: [TestRow]) -> RowBatch {
  let capacity = rows.reduce(64) { total, row in
    let text = row.values.reduce(0) {
      guard case .text(let value) = $1 else { return $0 }
      return $0 + value.utf8.count
    }
    return unsafe total
      + RowEncoder.byteCountMax(columnCount: row.values.count, stringByteCount: text)
  }
  let batch = RowBatch(
    capacity: capacity,
    tenant: .default,
    partition: PartitionID(0),
    kind: .rows
  )
  var position = batch.body
  var previous: RowHead?
  for row in rows {
    let hasText = row.values.contains { if case .text = $0 { true } else { false } }
    let head = RowHead(
      layout: LayoutID(row.layout),
      timestamp: row.timestamp,
      scaleTable: ScaleTableID(row.scale)
    )
    var encoder = unsafe RowEncoder(
      at: position,
      layout: head.layout,
      timestamp: head.timestamp,
      scaleTable: head.scaleTable,
      previous: previous,
      columnCount: row.values.count,
      hasStrings: hasText
    )
    for value in row.values {
      switch value {
      case .scaled(let number): unsafe encoder.append(integer: number)
      case .exact(let cell): unsafe encoder.append(exception: cell)
      case .text(let text):
        let bytes = Array(text.utf8)
        unsafe bytes.withUnsafeBytes { unsafe encoder.append(string: $0) }
      }
    }
    unsafe position = encoder.finish()
    previous = head
  }
  batch.seal(
    bodyByteCount: unsafe position - batch.body,
    rowCount: rows.count,
    pointCount: rows.reduce(0) { $0 + $1.values.count },
    registryVersion: 1,
    arrival: 0
  )
  return batch
}

/// Copies every row of `batch` into `arena`, into the run of its layout.
func fill(_ arena: RowArena, from batch: RowBatch, runs: inout [RowRun]) {
  var reader = unsafe RowReader(batch)
  while let (head, payload) = unsafe reader.next() {
    let index = Int(head.layout.rawValue)
    while runs.count <= index { runs.append(RowRun()) }
    unsafe arena.append(head, payload: payload, to: &runs[index])
  }
}
