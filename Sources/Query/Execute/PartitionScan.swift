internal import Blocks
internal import Model

/// What one thread reads of a partition: sources that go forward from series to series.
struct PartitionScan {
  let open: any OpenRowsSource
  let sealed: any SealedRowsSource
  let ring: any WindowRecordSource
  /// The ring's, ascending.
  let coveredHours: [Int64]
  let rollups: RollupSet

  init(_ view: PartitionView) {
    open = view.open
    sealed = view.sealed.scan()
    ring = view.ring.scan()
    coveredHours = ring.coveredHours
    rollups = view.rollups
  }
}

/// The scans of one thread, made when they are first asked for.
struct PartitionScans {
  private let views: [PartitionView?]
  private var scans: [PartitionScan?]

  /// - Parameter views: by the partition's number.
  init(_ views: [PartitionView?]) {
    self.views = views
    scans = Array(repeating: nil, count: views.count)
  }

  /// `nil` for a partition that there is no view of.
  subscript(partition: PartitionID) -> PartitionScan? {
    mutating get {
      let index = Int(partition.rawValue)
      guard index < views.count else { return nil }
      if let scan = scans[index] { return scan }
      scans[index] = views[index].map(PartitionScan.init)
      return scans[index]
    }
  }
}
