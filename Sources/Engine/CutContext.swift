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
  var fieldSets: FieldSets
  var files: PartitionFiles
  /// Hours that take windows.
  var hours: Set<Int64>
  /// Minutes to fold again from blocks, because their records are damaged.
  var damagedMinutes: [RingRecovery.DamagedMinute] = []
  /// Rows that are left out, when a block is made anew.
  var deletes: [DeleteRecord] = []
  var stretchRowCount = RowStretches.rowCountMin
}

extension CutContext {
  /// The id of a set of fields that rows or windows were merged into, made when no line ever had
  /// just these.
  ///
  /// - Returns: `nil` when a row cannot have so many fields or the catalog takes no more sets. That
  ///   must not stop a cut: it goes without the set.
  func fieldSet(of fields: [FieldID]) -> FieldSetID? {
    try? catalog.fieldSet(of: fields)
  }
}

/// The files of one partition.
struct PartitionFiles: Sendable {
  var disk: any Disk
  /// Shares descriptors among the blocks of all partitions.
  var blockFiles: BlockFiles
  var partition: PartitionID
  var blocks: String
  var manifests: ManifestStore
  /// Moves a damaged file aside.
  var quarantine: @Sendable (String) -> Void = { _ in }
}

extension PartitionFiles {
  /// Opens blocks that a cut has just written.
  func open(_ summaries: [BlockSummary]) throws(SystemError) -> [BlockReader] {
    var readers: [BlockReader] = []
    for summary in summaries {
      let path = Path.join(blocks, summary.fileName)
      do throws(BlockError) {
        readers.append(try BlockReader.open(blockFiles, path: path))
      } catch {
        // What was written a moment ago does not read back: the disk's fault, whatever it says.
        guard case .system(let failure) = error else {
          throw SystemError(code: SystemError.Code.inputOutput, operation: "read back", path: path)
        }
        throw failure
      }
    }
    return readers
  }
}

extension TimeRange {
  /// An hour by its number since the epoch.
  static func hour(_ hour: Int64) -> TimeRange {
    TimeRange(start: hour * Nanoseconds.perHour, end: (hour + 1) * Nanoseconds.perHour)
  }
}
