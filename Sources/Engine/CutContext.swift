internal import Blocks
internal import Catalog
internal import Model
internal import Platform
internal import Ring

/// What a cut works with: the partition's state at the moment when the generation was sealed.
///
/// A cut runs on its worker's thread, so the ring region is the worker's own; everything else here
/// is a value or immutable.
struct CutContext {
  var partition: PartitionID
  var epoch: Epoch
  /// The number of this cut: the committed manifest's plus one.
  var cutNumber: UInt64
  var table: PartitionLayouts
  var manifest: Manifest
  var blocks: [BlockReader]
  var ring: RingRegion
  var ledger: LedgerBook
  var catalog: Catalog
  var decoder: RowDecoder
  var files: PartitionFiles
  /// Hours that take windows: from the oldest that has not ended more than ten minutes ago.
  var openHours: ClosedRange<Int64>
}

/// The files of one partition.
struct PartitionFiles: Sendable {
  var disk: any Disk
  var partition: PartitionID
  var blocks: String
  var manifests: ManifestStore
}
