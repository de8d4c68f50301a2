internal import Model

extension RangeAnswer {
  /// Bytes that its columns and texts hold, about; what series share is counted once.
  public var byteCount: Int {
    var total = MemoryLayout<RangeAnswer>.size
    var before: Series?
    for one in series {
      total += MemoryLayout<Series>.stride
      if before?.labels.sharesTexts(with: one.labels) != true {
        total += one.labels.sharedByteCount + one.measurement.count + one.field.count
      }
      switch one.content {
      case .points(let timestamps, let values):
        total += values.byteCount
        if case .points(let others, _)? = before?.content, others.isSame(as: timestamps) { break }
        total += timestamps.count * MemoryLayout<Timestamp>.stride
      case .buckets(let present, let columns):
        total += present.count / 8
        for column in columns { total += column.values.byteCount }
      }
      before = one
    }
    return total
  }
}
