public import Codecs
internal import Model

/// What compaction shall make of a partition's blocks.
public struct CompactionPolicy: Sendable {
  /// Of the chunks of merged blocks; blocks of this strength or a greater one are left alone.
  public var strength: ChunkStrength
  /// Rows of a merged chunk group.
  public var rowsPerGroupMax: Int
  /// Inputs are merged into one block up to so many bytes of them, which is also the most scratch
  /// space that a step needs.
  public var inputByteCountMax: Int
  /// Cuts of one step: bounds the files that are open at a time.
  public static let cutCountMax = 128
  /// Fewer neighbouring cuts are not worth a merge.
  public var cutCountMin: Int

  public init(
    strength: ChunkStrength,
    rowsPerGroupMax: Int,
    inputByteCountMax: Int = 1 << 30,
    cutCountMin: Int = 2
  ) {
    precondition(strength != .head)
    precondition(rowsPerGroupMax >= 1)
    self.strength = strength
    self.rowsPerGroupMax = rowsPerGroupMax
    self.inputByteCountMax = inputByteCountMax
    self.cutCountMin = cutCountMin
  }

  /// Everything into cold blocks, once and for all: `varve compact`.
  public static let offline = CompactionPolicy(
    strength: .cold,
    rowsPerGroupMax: 8_192,
    cutCountMin: 1
  )
}

/// One step of compaction: neighbouring cuts, whose blocks become one block a tenant.
///
/// The result takes the place of its inputs exactly: it begins with the offset at which the first
/// of them begins, ends where the last one ends, and bears the last one's cut number, so that the
/// ranges of a partition tile before and after.
public struct CompactionStep: Sendable {
  /// In the order of the manifest: by offsets, then by tenants.
  public var inputs: [BlockSummary]

  public var inputByteCount: Int { inputs.reduce(0) { $0 + $1.byteCount } }
  public var pointCount: UInt64 { inputs.reduce(0) { $0 + $1.pointCount } }

  /// The tenants that have blocks here, ascending.
  var tenants: [TenantID] { Set(inputs.map(\.identity.tenant)).sorted() }

  /// What the merged block of a tenant is called.
  func identity(of tenant: TenantID, strength: ChunkStrength) -> BlockIdentity {
    let tenants = tenants
    let first = inputs[0].identity
    let last = inputs[inputs.count - 1].identity
    return BlockIdentity(
      partition: last.partition,
      tenant: tenant,
      epoch: last.epoch,
      a: first.a,
      b: last.b,
      cut: last.cut,
      index: UInt32(tenants.firstIndex(of: tenant) ?? 0),
      count: UInt32(tenants.count),
      strength: strength
    )
  }
}

/// Finds what is worth merging. Pure: the same manifest gives the same steps.
public enum CompactionPlan {
  /// The steps, in the order of their offsets.
  ///
  /// - Parameter blocks: those of a manifest.
  public static func steps(
    for blocks: [BlockSummary],
    _ policy: CompactionPolicy
  ) -> [CompactionStep] {
    var steps: [CompactionStep] = []
    var open = CompactionStep(inputs: [])
    var openCutCount = 0
    func close() {
      if openCutCount >= policy.cutCountMin { steps.append(open) }
      open = CompactionStep(inputs: [])
      openCutCount = 0
    }
    for cut in cuts(of: blocks) {
      let isMerged = cut.contains { $0.identity.strength.rawValue >= policy.strength.rawValue }
      let byteCount = cut.reduce(0) { $0 + $1.byteCount }
      let isNeighbour = open.inputs.last.map { $0.identity.b == cut[0].identity.a } ?? true
      let isFull = openCutCount == CompactionPolicy.cutCountMax
      if isMerged || isFull || !isNeighbour
        || open.inputByteCount + byteCount > policy.inputByteCountMax
      {
        close()
      }
      if isMerged { continue }
      open.inputs += cut
      openCutCount += 1
    }
    close()
    return steps
  }

  /// The blocks of each cut.
  private static func cuts(of blocks: [BlockSummary]) -> [[BlockSummary]] {
    var cuts: [[BlockSummary]] = []
    for block in blocks {
      if let last = cuts.last?.last, last.identity.cut == block.identity.cut,
        last.identity.a == block.identity.a
      {
        cuts[cuts.count - 1].append(block)
      } else {
        cuts.append([block])
      }
    }
    return cuts
  }
}
