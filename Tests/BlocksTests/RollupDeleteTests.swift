import Blocks
import Model
import Testing

/// Goal: a delete hides windows of its range and series on days that wait to be folded again, and
/// nothing else, and is forgotten with them.
@Suite struct RollupDeleteTests {
  static let day = RollupUnit.nanosecondsPerDay
  static let tenant = TenantID(1)

  static func state() -> RollupState {
    var state = RollupState()
    state.coverage = [
      .minute: .init(from: 15, until: 30), .hour: .init(from: 10, until: 30),
    ]
    return state
  }

  static func record(_ start: Int64, _ end: Int64) -> DeleteRecord {
    DeleteRecord(range: TimeRange(start: start, end: end), series: [SeriesID(4), SeriesID(9)])
  }

  @Test func daysOfTheRangeAreFoldedAgain() {
    var state = Self.state()
    state.delete(Self.record(20 * Self.day + 5, 22 * Self.day + 5), of: Self.tenant, cut: 3)
    #expect(state.changed == [20: 3, 21: 3, 22: 3])
    #expect(state.deletes.count == 1)
    #expect(state.deletedRanges(of: SeriesID(5), Self.tenant).isEmpty)
    #expect(state.deletedRanges(of: SeriesID(4), TenantID(2)).isEmpty)
    let ranges = state.deletedRanges(of: SeriesID(9), Self.tenant)
    #expect(ranges == [TimeRange(start: 20 * Self.day + 5, end: 22 * Self.day + 5)])
    // The first window begins before the range, the last one ends behind it.
    let deleted = (19 * 24..<23 * 24).filter { state.isDeleted(Int64($0), .hour, by: ranges) }
    #expect(deleted == Array(20 * 24 + 1..<22 * 24))
    // Folded one after another.
    state.changed[20] = nil
    state.forgetDeletes()
    #expect(state.deletes.map(\.record.range.start) == [21 * Self.day])
    state.changed = [:]
    state.forgetDeletes()
    #expect(state.deletes.isEmpty)
  }

  @Test func whatIsInNoRollupIsNotNoted() {
    var state = Self.state()
    state.delete(Self.record(0, 10 * Self.day), of: Self.tenant, cut: 3)
    state.delete(Self.record(30 * Self.day, 90 * Self.day), of: Self.tenant, cut: 3)
    state.delete(Self.record(.min, .min), of: Self.tenant, cut: 3)
    #expect(state == Self.state())
    var none = RollupState()
    none.delete(Self.record(0, .max), of: Self.tenant, cut: 3)
    #expect(none.isEmpty)
  }

  @Test func everythingMayGo() {
    var state = Self.state()
    state.delete(Self.record(.min, .max), of: Self.tenant, cut: 3)
    #expect(state.changed.count == 20)
    #expect(
      state.deletes.map(\.record.range)
        == [TimeRange(start: 10 * Self.day, end: 30 * Self.day)]
    )
    // The log repeats it after a crash.
    let before = state
    state.delete(Self.record(.min, .max), of: Self.tenant, cut: 3)
    #expect(state.deletes == before.deletes)
  }
}
