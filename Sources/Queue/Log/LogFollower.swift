public import Model
public import Platform

/// Reads a log from the oldest segment on, and what is appended to it later, segment by segment.
/// Needs no lock; beside a live server the unfinished end is read once it is whole.
public struct LogFollower: Sendable {
  private let disk: any Disk
  private let directory: String
  private let partitionCount: Int
  private var sequence: UInt64
  /// Behind the last sound record of the segment; 0 before the first.
  private var position = 0

  /// - Parameter sequence: the segment to begin with; a later one if that is gone.
  public init(disk: any Disk, directory: String, partitionCount: Int, from sequence: UInt64 = 1) {
    precondition((1...PartitionID.countMax).contains(partitionCount))
    self.disk = disk
    self.directory = directory
    self.partitionCount = partitionCount
    self.sequence = sequence
  }

  /// Gives every batch that is there and was not given yet to `body`, in log order.
  ///
  /// - Parameters:
  ///   - progress: told of the bytes of each segment that are done, about once a megabyte.
  ///   - isWanted: whether a segment is to be read, by its sequence; others are stepped over.
  /// - Returns: damage in segments that no more is appended to.
  public mutating func read(
    progress: (_ sequence: UInt64, _ byteCount: Int) -> Void = { _, _ in },
    where isWanted: (_ sequence: UInt64) -> Bool = { _ in true },
    body: (_ batch: RowBatch, _ sequence: UInt64, _ position: Int) -> Void
  ) throws(SystemError) -> [Damage] {
    let index = try SegmentIndex(
      disk: disk,
      directory: directory,
      partitionCount: partitionCount
    )
    var damages: [Damage] = []
    for place in index.entries.indices where index.entries[place].sequence >= sequence {
      let entry = index.entries[place]
      if entry.sequence > sequence {
        sequence = entry.sequence
        position = 0
      }
      guard isWanted(sequence) else { continue }
      var scanner: SegmentScanner
      do throws(SystemError) {
        scanner = try SegmentScanner(
          disk: disk,
          entry: entry,
          expected: Array(repeating: nil, count: partitionCount),
          from: position
        )
      } catch {
        // Retention was faster.
        if error.isMissing { continue }
        throw error
      }
      var told = position
      while let record = scanner.next() {
        position = record.position + record.byteCount
        body(scanner.batch(record), sequence, record.position)
        if position - told >= 1 << 20 {
          told = position
          progress(sequence, position)
        }
      }
      progress(sequence, scanner.byteCount)
      if place + 1 < index.entries.count {
        damages += scanner.damages(next: index.header(after: place))
      }
    }
    return damages
  }
}
