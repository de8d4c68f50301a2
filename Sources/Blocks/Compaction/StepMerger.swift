public import Model
public import Platform

/// Makes the blocks of one step: those of all its tenants.
public struct StepMerger {
  private let disk: any Disk
  private let directory: String
  private let policy: CompactionPolicy
  private let filter: GroupFilter
  private let pace: (Int) throws(CompactionError) -> Void

  /// - Parameters:
  ///   - directory: the partition's folder of blocks.
  ///   - filter: what is left out.
  ///   - pace: told how many bytes of inputs have been worked on since the last time; may wait, and
  ///     may end the merge by throwing ``CompactionError/stopped``.
  public init(
    disk: any Disk,
    directory: String,
    policy: CompactionPolicy,
    filter: GroupFilter = GroupFilter(),
    pace: @escaping (Int) throws(CompactionError) -> Void = { _ throws(CompactionError) in }
  ) {
    self.disk = disk
    self.directory = directory
    self.policy = policy
    self.filter = filter
    self.pace = pace
  }

  /// Writes the merged blocks and makes them durable under their names. Nothing names them yet.
  ///
  /// - Parameters:
  ///   - readers: of the step's inputs, in their order. Damage that a scan got around must not
  ///     become a sound block with rows missing, so that a damaged one ends the step.
  ///   - outputs: gets the blocks that are written, also when a later one fails.
  public func merge(
    _ step: CompactionStep,
    _ readers: [BlockReader],
    into outputs: inout [BlockSummary]
  ) throws(CompactionError) {
    precondition(readers.count == step.inputs.count && !readers.isEmpty)
    for reader in readers {
      if let damage = reader.damages.first { throw .damaged(damage) }
    }
    let merger = BlockMerger(
      disk: disk,
      directory: directory,
      policy: policy,
      filter: filter,
      pace: pace
    )
    let ledger = readers[readers.count - 1].ledger ?? []
    for tenant in step.tenants {
      outputs.append(
        try merger.merge(
          readers.filter { $0.summary.identity.tenant == tenant },
          as: step.identity(of: tenant, strength: policy.strength),
          ledger: ledger
        )
      )
    }
  }

  /// Makes one block of one tenant's blocks that hold its parts, under a name of its own.
  ///
  /// - Parameters:
  ///   - readers: at least one, in the order of their offsets.
  ///   - ledger: the partition's totals as of the last part.
  public func merge(
    parts readers: [BlockReader],
    as identity: BlockIdentity,
    ledger: [LedgerEntry]
  ) throws(CompactionError) -> BlockSummary {
    precondition(!readers.isEmpty && identity.strength == policy.strength)
    let merger = BlockMerger(
      disk: disk,
      directory: directory,
      policy: policy,
      filter: filter,
      pace: pace
    )
    return try merger.merge(readers, as: identity, ledger: ledger)
  }
}
