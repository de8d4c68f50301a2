import Model
import TestSupport
import Testing

/// Goal: stretches hold every open row of a series once, and none of them many more than was asked
/// for, in whatever order the rows came.
@Suite struct RowStretchesTests {
  private enum Order: CaseIterable {
    case ascending, oneLate, descending, interleaved, shuffled, oneMoment, twoMoments, far
  }

  private static func timestamps(
    _ count: Int,
    _ order: Order,
    step: Int64,
    _ random: inout SeededRandom
  ) -> [Timestamp] {
    let start: Timestamp = 1_795_373_340_123_456_789
    let ascending = (0..<count).map { start + Int64($0) * step }
    switch order {
    case .ascending: return ascending
    case .oneLate: return Array(ascending.dropFirst() + ascending.prefix(1))
    case .descending: return ascending.reversed()
    case .interleaved:
      return (0..<count).map { ascending[$0 % 2 == 0 ? $0 / 2 : count / 2 + $0 / 2] }
    case .shuffled: return ascending.shuffled(using: &random)
    case .oneMoment: return ascending.map { _ in start }
    case .twoMoments: return ascending.indices.map { start + Int64($0 % 2) * step }
    // One row of 1970 and one of the far future.
    case .far: return [0] + ascending.dropFirst(2) + [start + 1 << 60]
    }
  }

  @Test(arguments: 0..<160 as Range<UInt64>)
  func everyRowIsInOneStretch(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let order = Order.allCases[Int(seed) % Order.allCases.count]
    let perStretch = [1, 3, 40, 500].randomElement(using: &random) ?? 1
    let count = Int.random(in: 1...4_000, using: &random)
    let steps: [Int64] = [1, 1_000_000, 1_000_000_000, 90_000_000_000]
    let step = steps[Int.random(in: 0..<4, using: &random)]
    let times = Self.timestamps(count, order, step: step, &random)
    let arenas = [RowArena(), RowArena()]
    var runs = [RowRun(), RowRun(), RowRun()]
    for time in times {
      let index = Int.random(in: 0..<3, using: &random)
      let head = RowHead(layout: LayoutID(0), timestamp: time, scaleTable: .zero)
      let payload = [UInt8](repeating: UInt8(index), count: index * 20)
      unsafe payload.withUnsafeBytes {
        unsafe arenas[index % 2].append(head, payload: $0, to: &runs[index])
      }
    }
    let readers = arenas.map { $0.reader() }
    let unit: Int64 = Bool.random(using: &random) ? 1 : Nanoseconds.perMinute
    let stretches = RowStretches(
      runs.enumerated().map { (run: $1, reader: readers[$0 % 2]) },
      perStretch: perStretch,
      unit: unit
    )
    var found: [Timestamp] = []
    var end = Timestamp.min
    let distinct = Set(times).count == times.count
    for range in stretches.ranges {
      #expect(range.start == end)
      end = range.end
      var rows: [RowReference] = []
      let isAscending = stretches.collect(range, into: &rows)
      #expect(rows.count == stretches.rowCount(in: range))
      #expect(
        rows.allSatisfy { range.contains($0.timestamp) && $0.payloadByteCount == $0.run * 20 }
      )
      let isOfOneRun = rows.allSatisfy { $0.run == rows.first?.run }
      let isInOrder = zip(rows, rows.dropFirst()).allSatisfy { $0.timestamp < $1.timestamp }
      #expect(isAscending == (isOfOneRun && isInOrder))
      // Twice what is aimed at, and what a sample may miss by.
      let aim = max(perStretch, count / RowStretches.countMax)
      if distinct { #expect(rows.count <= 4 * aim + 3 * 64, "\(order), \(perStretch), \(count)") }
      found += rows.map(\.timestamp)
    }
    #expect(end == .max)
    #expect(found.sorted() == times.sorted())
    // A part of the time has the same rows when only its sections are kept.
    guard let first = times.randomElement(using: &random), let last = times.max() else { return }
    let part = TimeRange(start: first, end: last)
    let some = RowStretches(
      runs.enumerated().map { (run: $1, reader: readers[$0 % 2]) },
      meeting: part,
      perStretch: perStretch,
      unit: unit
    )
    #expect(some.rowCount(in: part) == times.count(where: part.contains))
    withExtendedLifetime(readers) {}
  }

  /// What a border of whole minutes is for: only a minute of very many rows lies in two stretches.
  @Test func bordersAreWholeMinutesWhereMinutesHaveFewRows() {
    let arena = RowArena()
    var run = RowRun()
    for second in 0..<20_000 {
      let head = RowHead(
        layout: LayoutID(0),
        timestamp: 1_795_373_340_500_000_000 + Int64(second) * 1_000_000_000,
        scaleTable: .zero
      )
      unsafe arena.append(head, payload: UnsafeRawBufferPointer(start: nil, count: 0), to: &run)
    }
    let stretches = RowStretches(
      [(run: run, reader: arena.reader())],
      perStretch: 500,
      unit: Nanoseconds.perMinute
    )
    #expect(stretches.ranges.count > 30)
    #expect(stretches.ranges.dropLast().allSatisfy { $0.end % Nanoseconds.perMinute == 0 })
  }
}
