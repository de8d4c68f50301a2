public import Blocks
internal import Codecs
public import Model

/// Which blocks belong into the cold store.
public struct ColdPolicy: Sendable, Hashable {
  /// Younger blocks answer for the hours of the ring, and late rows are compared with them: they
  /// stay here whatever the options say.
  public static let ageNanosecondsMin: Int64 = 3 * 86_400_000_000_000

  /// Age of a block's newest row; `nil` when age moves nothing.
  public var ageNanoseconds: Int64?
  /// Bytes of all blocks here beyond which the oldest ones move; `nil` for no limit.
  public var localByteCountMax: Int?

  public init(ageNanoseconds: Int64? = nil, localByteCountMax: Int? = nil) {
    self.ageNanoseconds = ageNanoseconds
    self.localByteCountMax = localByteCountMax
  }

  /// Whether anything ever moves.
  public var isOn: Bool { ageNanoseconds != nil || localByteCountMax != nil }
}

/// Decides what moves from the local tier into the cold one. Pure: the same blocks give the same
/// answer.
public enum ColdPlan {
  /// The blocks that are to be moved, oldest first.
  ///
  /// Blocks that may still be merged stay: only those that compaction is done with move.
  ///
  /// - Parameters:
  ///   - blocks: of all partitions, as their manifests name them.
  ///   - barred: names of files that are to be left alone.
  ///   - isOld: whether a block has the age at which it moves, where others decide than the
  ///     policy.
  ///   - byteCountMax: bytes of a tenant's blocks here beyond which its oldest move.
  public static func moves(
    of blocks: [BlockSummary],
    _ policy: ColdPolicy,
    now: Timestamp,
    without barred: Set<String> = [],
    isOld: ((BlockSummary) -> Bool)? = nil,
    byteCountMax: (TenantID) -> Int? = { _ in nil }
  ) -> [BlockSummary] {
    let local = blocks.filter { $0.cold == nil }
    let movable = local.filter { block in
      block.identity.strength == .cold && block.rowCount > 0
        && block.lastTimestamp < now - ColdPolicy.ageNanosecondsMin
        && !barred.contains(block.identity.qualifiedName)
    }.sorted(by: isBefore)
    let end = policy.ageNanoseconds.map { now - $0 }
    var moves: [BlockSummary] = []
    var left: [BlockSummary] = []
    for block in movable {
      let isTaken = isOld.map { $0(block) } ?? end.map { block.lastTimestamp < $0 } ?? false
      if isTaken { moves.append(block) } else { left.append(block) }
    }
    func take(_ most: Int, where isOne: (BlockSummary) -> Bool) {
      var byteCount = local.reduce(0) { $0 + (isOne($1) ? $1.byteCount : 0) }
      byteCount -= moves.reduce(0) { $0 + (isOne($1) ? $1.byteCount : 0) }
      left.removeAll { block in
        guard byteCount > most, isOne(block) else { return false }
        byteCount -= block.byteCount
        moves.append(block)
        return true
      }
    }
    for tenant in Set(left.map(\.identity.tenant)) {
      guard let most = byteCountMax(tenant) else { continue }
      take(most) { $0.identity.tenant == tenant }
    }
    if let most = policy.localByteCountMax { take(most) { _ in true } }
    return moves.sorted(by: isBefore)
  }

  private static func isBefore(_ left: BlockSummary, _ right: BlockSummary) -> Bool {
    (left.lastTimestamp, left.identity.qualifiedName)
      < (right.lastTimestamp, right.identity.qualifiedName)
  }
}

extension BlockIdentity {
  /// The file name with its partition: `03/<file name>`.
  public var qualifiedName: String { "\(partition.rawValue)/\(fileName)" }
}
