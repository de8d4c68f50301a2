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
  public static func moves(
    of blocks: [BlockSummary],
    _ policy: ColdPolicy,
    now: Timestamp,
    without barred: Set<String> = []
  ) -> [BlockSummary] {
    var localByteCount = 0
    var movable: [BlockSummary] = []
    for block in blocks where block.cold == nil {
      localByteCount += block.byteCount
      let isDone = block.identity.strength == .cold && block.rowCount > 0
      if isDone, block.lastTimestamp < now - ColdPolicy.ageNanosecondsMin,
        !barred.contains(block.identity.qualifiedName)
      {
        movable.append(block)
      }
    }
    movable.sort {
      ($0.lastTimestamp, $0.identity.qualifiedName) < ($1.lastTimestamp, $1.identity.qualifiedName)
    }
    let end = policy.ageNanoseconds.map { now - max($0, ColdPolicy.ageNanosecondsMin) }
    var moves: [BlockSummary] = []
    for block in movable {
      let isOld = end.map { block.lastTimestamp < $0 } ?? false
      let isTooMuch = policy.localByteCountMax.map { localByteCount > $0 } ?? false
      // Ascending by age: nothing behind it is older.
      guard isOld || isTooMuch else { break }
      moves.append(block)
      localByteCount -= block.byteCount
    }
    return moves
  }
}

extension BlockIdentity {
  /// The file name with its partition: `03/<file name>`.
  public var qualifiedName: String { "\(partition.rawValue)/\(fileName)" }
}
