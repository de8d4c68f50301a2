internal import Model

extension RangeAnswer {
  /// Bytes that its columns and texts hold, about.
  public var byteCount: Int {
    var total = MemoryLayout<RangeAnswer>.size
    for one in series {
      total += MemoryLayout<Series>.stride + one.measurement.count + one.field.count
      for tag in one.tags {
        total += MemoryLayout<Tag>.stride + tag.key.count + tag.value.count
      }
      switch one.content {
      case .points(let timestamps, let values):
        total += timestamps.count * MemoryLayout<Timestamp>.stride + values.byteCount
      case .buckets(let present, let columns):
        total += present.count / 8
        for column in columns { total += column.values.byteCount }
      }
    }
    return total
  }
}
