public import Codecs
public import Model

/// What compaction shall make of a partition's blocks.
public struct CompactionPolicy: Sendable {
  /// Of the chunks of merged blocks; blocks of this strength or a greater one are left alone.
  public var strength: ChunkStrength
  /// Rows of a merged chunk group.
  public var rowsPerGroupMax: Int
  /// Groups of so many rows, which nothing overlaps, are copied as they lie; `nil` encodes all
  /// anew.
  public var rowsPerCopiedGroupMin: Int?
  /// Bytes of strings of a merged chunk group, beyond its first row; tests lower it.
  package var textByteCountMax = BlockWriter.textByteCountMax
  /// Inputs are merged into one block up to so many bytes of them, which is also the most scratch
  /// space that a step needs; a cut that is larger is a step by itself where one cut is enough.
  public var inputByteCountMax: Int
  /// Cuts of one step: bounds its index pages in memory.
  public static let cutCountMax = 128
  /// Fewer neighbouring cuts wait for more.
  public var cutCountMin: Int
  /// So many do not wait when no more fit into a step.
  public var fullCutCountMin: Int
  /// Blocks with rows at or after this time are left alone.
  public var end: Timestamp?

  public init(
    strength: ChunkStrength,
    rowsPerGroupMax: Int,
    rowsPerCopiedGroupMin: Int? = nil,
    inputByteCountMax: Int = 1 << 30,
    cutCountMin: Int = 2,
    fullCutCountMin: Int = 2,
    end: Timestamp? = nil
  ) {
    precondition(strength != .head)
    precondition(rowsPerGroupMax >= 1)
    self.strength = strength
    self.rowsPerGroupMax = rowsPerGroupMax
    self.rowsPerCopiedGroupMin = rowsPerCopiedGroupMin
    self.inputByteCountMax = inputByteCountMax
    self.cutCountMin = cutCountMin
    self.fullCutCountMin = fullCutCountMin
    self.end = end
  }

  /// Rows of the chunk groups of cold blocks.
  public static let coldRowsPerGroup = 8_192
  /// Rows of those of young ones.
  public static let youngRowsPerGroup = 4_096
  /// Rows of groups that cuts have written large enough for young blocks: when rows come as fast
  /// as they are taken, or every few milliseconds.
  public static let youngRowsPerCopiedGroupMin = 1_024

  /// Everything into cold blocks, once and for all: `varve compact`.
  public static let offline = CompactionPolicy(
    strength: .cold,
    rowsPerGroupMax: coldRowsPerGroup,
    cutCountMin: 1
  )

  /// The blocks of cuts into young ones, while the server runs.
  public static func young(cutCountMin: Int, inputByteCountMax: Int) -> CompactionPolicy {
    CompactionPolicy(
      strength: .young,
      rowsPerGroupMax: youngRowsPerGroup,
      rowsPerCopiedGroupMin: youngRowsPerCopiedGroupMin,
      inputByteCountMax: inputByteCountMax,
      // One that fills a step by itself is not written again.
      cutCountMin: cutCountMin
    )
  }

  /// What is older than `end` into cold ones, while the server runs.
  public static func cold(
    before end: Timestamp,
    cutCountMin: Int,
    inputByteCountMax: Int
  ) -> CompactionPolicy {
    CompactionPolicy(
      strength: .cold,
      rowsPerGroupMax: coldRowsPerGroup,
      inputByteCountMax: inputByteCountMax,
      cutCountMin: cutCountMin,
      fullCutCountMin: 1,
      end: end
    )
  }
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
    // What has the strength already is made anew under another name.
    let revisions = inputs.filter { $0.identity.strength == strength }.map(\.identity.revision)
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
      strength: strength,
      revision: revisions.max().map { $0 &+ 1 } ?? 0
    )
  }
}

/// Finds what is worth merging. Pure: the same manifest gives the same steps.
public enum CompactionPlan {
  /// The steps, in the order of their offsets.
  ///
  /// - Parameters:
  ///   - blocks: those of a manifest.
  ///   - barred: names of files that are to be left alone.
  public static func steps(
    for blocks: [BlockSummary],
    _ policy: CompactionPolicy,
    without barred: Set<String> = []
  ) -> [CompactionStep] {
    var steps: [CompactionStep] = []
    var open = CompactionStep(inputs: [])
    var openCutCount = 0
    func close(isFull: Bool = false) {
      let least = isFull ? min(policy.cutCountMin, policy.fullCutCountMin) : policy.cutCountMin
      if openCutCount >= least, openCutCount > 0 { steps.append(open) }
      open = CompactionStep(inputs: [])
      openCutCount = 0
    }
    for cut in cuts(of: blocks) {
      let isLeft = cut.contains { block in
        block.identity.strength.rawValue >= policy.strength.rawValue || block.cold != nil
          || policy.end.map { block.lastTimestamp >= $0 } ?? false
          || barred.contains(block.fileName)
      }
      let byteCount = cut.reduce(0) { $0 + $1.byteCount }
      let isNeighbour = open.inputs.last.map { $0.identity.b == cut[0].identity.a } ?? true
      let isFull =
        openCutCount == CompactionPolicy.cutCountMax
        || open.inputByteCount + byteCount > policy.inputByteCountMax
      if isLeft || isFull || !isNeighbour { close(isFull: isFull) }
      if isLeft { continue }
      open.inputs += cut
      openCutCount += 1
    }
    close()
    return steps
  }

  /// The blocks of each cut.
  static func cuts(of blocks: [BlockSummary]) -> [[BlockSummary]] {
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
