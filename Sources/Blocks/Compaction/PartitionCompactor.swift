internal import Codecs
public import Model
public import Platform

/// Why a step of compaction was not made. Its inputs stay as they were.
public enum CompactionError: Error, Equatable, Sendable {
  /// An input is damaged: it is left to be verified and repaired, never merged half.
  case block(BlockError)
  case damaged(Damage)
  case system(SystemError)
  /// Whoever paces the merge wants no more of it.
  case stopped

  /// What an input's group is not readable for: damage with its place, unless the system refused.
  static func input(
    _ error: BlockError,
    path: String,
    _ offset: Int,
    _ byteCount: Int
  ) -> CompactionError {
    if case .system(let failure) = error {
      return error.isRefusal ? .system(failure) : .block(error)
    }
    return .damaged(
      Damage(
        severity: .damage,
        path: path,
        offset: offset,
        byteCount: byteCount,
        what: error.text
      )
    )
  }

  /// In a few words.
  public var text: String {
    switch self {
    case .block(let error): error.text
    case .damaged(let damage): damage.description
    case .system(let error): error.description
    case .stopped: "stopped"
    }
  }
}

/// What compaction did, or has done so far.
public struct CompactionProgress: Hashable, Sendable {
  public var stepsDone = 0
  public var stepCount = 0
  /// Of all steps, and of those that are done.
  public var pointCount: UInt64 = 0
  public var pointsDone: UInt64 = 0
  public var inputByteCount = 0
  public var bytesRead = 0
  public var bytesWritten = 0

  public init() {}
}

/// Compacts a partition that nobody else has open.
///
/// A step writes its merged blocks, syncs them, renames the manifest and then removes its inputs,
/// so that a crash leaves either the inputs or the result: what the manifest does not name is
/// removed by the next start, or by the next compaction. Steps are made one after another; a
/// compaction that is cut short goes on where it was, and one that is done changes nothing.
public struct PartitionCompactor: Sendable {
  private let disk: any Disk
  private let store: ManifestStore
  private let policy: CompactionPolicy

  public init(
    disk: any Disk,
    directory: String,
    partition: PartitionID,
    policy: CompactionPolicy
  ) {
    self.disk = disk
    self.policy = policy
    store = ManifestStore(disk: disk, directory: directory, partition: partition)
  }

  /// The steps that are to be made, as the manifest stands.
  public func plan() throws(SystemError) -> [CompactionStep] {
    steps(for: try store.load().manifest).map(\.step)
  }

  /// Merges, and blocks to be made anew without deleted rows that no merge takes.
  private func steps(
    for manifest: Manifest
  ) -> [(step: CompactionStep, policy: CompactionPolicy)] {
    var steps = CompactionPlan.steps(for: manifest.blocks, policy).map { ($0, policy) }
    var done = Set(steps.flatMap { $0.0.inputs.map(\.fileName) })
    while let found = CompactionPlan.cleaning(
      of: manifest.blocks,
      manifest.deletes,
      without: done
    ) {
      steps.append((found.step, found.policy))
      done.formUnion(found.step.inputs.map(\.fileName))
    }
    return steps.map { (step: $0.0, policy: $0.1) }
  }

  /// Makes all steps.
  ///
  /// - Parameter report: called after each step.
  /// - Throws: ``CompactionError`` at the first step that cannot be made; those before it hold.
  public func run(
    _ report: (CompactionProgress) -> Void = { _ in }
  ) throws(CompactionError) -> CompactionProgress {
    var loaded: LoadedManifest
    do throws(SystemError) {
      loaded = try store.load()
      try store.remove(loaded.leftovers)
    } catch {
      throw .system(error)
    }
    let work = steps(for: loaded.manifest)
    let steps = work.map(\.step)
    var progress = CompactionProgress()
    progress.stepCount = steps.count
    progress.pointCount = steps.reduce(0) { $0 + $1.pointCount }
    progress.inputByteCount = steps.reduce(0) { $0 + $1.inputByteCount }
    for (step, policy) in work {
      let (outputs, filter) = try merge(step, policy, loaded.manifest)
      do throws(SystemError) {
        try commit(step, outputs, filter, &loaded.manifest)
      } catch {
        throw .system(error)
      }
      progress.stepsDone += 1
      progress.pointsDone += step.pointCount
      progress.bytesRead += step.inputByteCount
      progress.bytesWritten += outputs.reduce(0) { $0 + $1.byteCount }
      report(progress)
    }
    return progress
  }

  private func merge(
    _ step: CompactionStep,
    _ policy: CompactionPolicy,
    _ manifest: Manifest
  ) throws(CompactionError) -> ([BlockSummary], GroupFilter) {
    // Files that are read in turns share descriptors.
    let files = BlockFiles(disk: disk)
    var readers: [BlockReader] = []
    for input in step.inputs {
      let reader = try reader(of: input, files)
      manifest.deletes.leaveOutRows(of: reader)
      readers.append(reader)
    }
    let filter = GroupFilter(deletesEnd: Offset(.max))
    var outputs: [BlockSummary] = []
    do throws(CompactionError) {
      let merger = StepMerger(
        disk: disk,
        directory: store.blocksDirectory,
        policy: policy,
        filter: filter
      )
      try merger.merge(step, readers, into: &outputs)
    } catch {
      // What cannot be removed now is a leftover for the next start.
      _ = try? store.remove(outputs.map { store.path(of: $0) })
      throw error
    }
    return (outputs, filter)
  }

  private func reader(
    of block: BlockSummary,
    _ files: BlockFiles
  ) throws(CompactionError) -> BlockReader {
    do throws(BlockError) {
      return try BlockReader.open(files, path: store.path(of: block))
    } catch {
      throw .input(error, path: store.path(of: block), 0, block.byteCount)
    }
  }

  /// Puts the outputs in the place of the inputs, and removes those.
  private func commit(
    _ step: CompactionStep,
    _ outputs: [BlockSummary],
    _ filter: GroupFilter,
    _ manifest: inout Manifest
  ) throws(SystemError) {
    let names = Set(step.inputs.map(\.fileName))
    var next = manifest
    let place = next.blocks.firstIndex { names.contains($0.fileName) } ?? next.blocks.count
    next.blocks.removeAll { names.contains($0.fileName) }
    next.blocks.insert(contentsOf: outputs, at: place)
    next.deletes.replace(step.inputs, with: outputs, before: filter.deletesEnd)
    next.removals.add(filter.counts)
    try store.commit(next)
    manifest = next
    try store.remove(step.inputs.map { store.path(of: $0) })
  }
}
