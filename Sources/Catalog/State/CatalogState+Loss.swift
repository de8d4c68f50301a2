internal import Model

extension CatalogState {
  /// Makes sure that ids which lost records may have defined are never handed out again, and notes
  /// in the log that the loss is known.
  ///
  /// - Parameter sequences: a range that neither copy holds; at most ``LogUnion/sequenceJumpMax``.
  mutating func noteLoss(_ sequences: Range<UInt64>) {
    let count = UInt32(sequences.count)
    let idMax = Self.idMax
    func raised(_ next: UInt32, by step: UInt32) -> UInt32 {
      let (sum, overflowed) = next.addingReportingOverflow(step)
      return overflowed ? idMax : min(sum, idMax)
    }
    var loss = LossNotice(sequences: sequences)
    loss.tenants = raised(tenants.next, by: count)
    loss.measurements = raised(measurements.next, by: count)
    loss.fields = raised(fields.next, by: count)
    loss.fieldSets = raised(fieldSets.next, by: count)
    loss.series = raised(series.next, by: count)
    loss.scaleTables = raised(scales.next, by: count)
    let (ids, overflowed) = count.multipliedReportingOverflow(by: LayoutRuns.runCount)
    loss.layouts = layouts.map { raised($0.next, by: overflowed ? idMax : ids) }
    record(.loss(loss))
  }
}
