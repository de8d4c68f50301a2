import Model
import Rollup
import TestSupport
import Testing

/// Goal: windows are what the plainest fold gives, bit for bit but for float sums, for every type
/// and every odd double; merging parts gives the whole. Method: seeded columns, a naive fold.
@Suite struct WindowFolderTests {
  @Test(arguments: UInt64(1)...150)
  func foldsAsTheNaiveFoldDoes(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for type in ColumnType.allCases {
      var strings = StringArena()
      var times: [Timestamp] = []
      var minute = Int64.random(in: 0...30_000_000, using: &random)
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        let count = Int.random(in: 1...130, using: &random)
        times += ColumnSamples.times(minute: minute, count: count, &random)
        minute += Int64.random(in: 1...3, using: &random)
      }
      let cells = ColumnSamples.cells(type, count: times.count, strings: &strings, &random)
      let runs = MinuteRun.split(times.span)
      var windows: [Window] = []
      WindowFolder.fold(
        cells.span,
        type: type,
        timestamps: times.span,
        runs: runs,
        into: &windows
      )
      #expect(windows.count == runs.count)
      for (run, window) in zip(runs, windows) {
        let values = Array(cells[run.rows])
        let expected = NaiveFold.window(values, Array(times[run.rows]), type)
        expectEqual(window, expected, type, values, "seed \(seed) \(type)")
      }
    }
  }

  @Test func runsAreAppendedToWhatIsThere() {
    let times: [Timestamp] = [1, 2, 60_000_000_000]
    var windows: [Window] = []
    for _ in 0..<2 {
      WindowFolder.fold(
        [3, 4, 5].span,
        type: .unsigned,
        timestamps: times.span,
        runs: MinuteRun.split(times.span),
        into: &windows
      )
    }
    #expect(windows.map(\.count) == [2, 1, 2, 1])
    #expect(windows.map(\.sum.integer) == [7, 5, 7, 5])
  }

  @Test func minusZeroComesBeforeZero() {
    let window = fold([0.0, -0.0, 0.0], .float)
    #expect(window.min == (-0.0).bitPattern)
    #expect(window.max == (0.0).bitPattern)
    #expect(fold([-0.0, -0.0], .float).max == (-0.0).bitPattern)
    #expect(fold([-1.0, -0.0], .float).max == (-0.0).bitPattern)
    #expect(fold([0.0, 5.0], .float).min == (0.0).bitPattern)
  }

  @Test func extremesSkipNaNUnlessThereIsNothingElse() {
    let quiet: [Cell] = [0x7ff8_0000_0000_0007, 0xfff8_0000_0000_0008]
    let mixed = fold(cells: [quiet[0], (2.0).bitPattern, quiet[1], (-3.0).bitPattern], .float)
    #expect(mixed.min == (-3.0).bitPattern)
    #expect(mixed.max == (2.0).bitPattern)
    #expect(mixed.first == quiet[0])
    #expect(mixed.sum.float.isNaN)
    let nothingElse = fold(cells: quiet, .float)
    #expect(nothingElse.min == quiet[0])
    #expect(nothingElse.max == quiet[0])
    #expect(nothingElse.last == quiet[1])
    let infinite = fold([.infinity, .infinity], .float)
    #expect(infinite.min == Double.infinity.bitPattern)
    #expect(infinite.max == Double.infinity.bitPattern)
  }

  @Test func integerSumsDoNotOverflow() {
    let least = fold(cells: Array(repeating: 1 << 63, count: 5), .integer)
    #expect(least.sum.integer == Int128(Int64.min) * 5)
    let greatest = fold(cells: Array(repeating: .max, count: 5), .unsigned)
    #expect(greatest.sum.integer == Int128(UInt64.max) * 5)
  }

  @Test(arguments: UInt64(1)...150)
  func partsMergedInAnyOrderAreTheWhole(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for type in ColumnType.allCases {
      var strings = StringArena()
      let times = ColumnSamples.times(
        minute: 5,
        count: Int.random(in: 2...60, using: &random),
        &random
      )
      let cells = ColumnSamples.cells(type, count: times.count, strings: &strings, &random)
      // Rows go to parts at random, so that the parts' times interleave.
      let owners = times.map { _ in Int.random(in: 0..<3, using: &random) }
      var parts: [Window] = []
      for owner in 0..<3 {
        let rows = owners.indices.filter { owners[$0] == owner }
        guard !rows.isEmpty else { continue }
        parts.append(fold(cells: rows.map { cells[$0] }, type, times: rows.map { times[$0] }))
      }
      let expected = NaiveFold.window(cells, times, type)
      for _ in 0..<4 {
        parts.shuffle(using: &random)
        let left = parts.dropFirst().reduce(parts[0]) { $0.merged($1, type) }
        expectEqual(left, expected, type, cells, "seed \(seed) \(type)")
        let right = parts.dropLast().reversed().reduce(parts[parts.count - 1]) {
          $1.merged($0, type)
        }
        expectEqual(right, expected, type, cells, "seed \(seed) \(type), from the right")
      }
    }
  }

  private func fold(_ values: [Double], _ type: ColumnType) -> Window {
    fold(cells: values.map(\.bitPattern), type)
  }

  private func fold(cells: [Cell], _ type: ColumnType, times: [Timestamp]? = nil) -> Window {
    let times = times ?? cells.indices.map { Int64($0) }
    var windows: [Window] = []
    WindowFolder.fold(
      cells.span,
      type: type,
      timestamps: times.span,
      runs: [MinuteRun(minute: 0, rows: cells.indices)],
      into: &windows
    )
    return windows[0]
  }

  private func expectEqual(
    _ left: Window,
    _ right: Window,
    _ type: ColumnType,
    _ cells: [Cell],
    _ hint: String
  ) {
    guard type == .float else {
      #expect(left == right, "\(hint)")
      return
    }
    #expect(
      NaiveFold.sumsAgree(left.sum.float, right.sum.float, cells),
      "\(hint): sums \(left.sum.float) and \(right.sum.float)"
    )
    #expect(left.with(sum: right.sum) == right, "\(hint)")
  }
}

extension Window {
  fileprivate func merged(_ other: Window, _ type: ColumnType) -> Window {
    var copy = self
    copy.merge(other, type: type)
    return copy
  }
}
