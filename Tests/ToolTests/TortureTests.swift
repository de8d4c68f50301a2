import Testing
import Tool

/// Goal: the judge of a torture run sees each kind of fault, and none where there is none.
@Suite struct TortureTests {
  private typealias Found = [Int64: [String: TortureSeries.Value]]

  /// Two rows in two versions each, of which the first row's are acknowledged.
  private func series() -> TortureSeries {
    var series = TortureSeries(name: "torture,id=x", seed: 7)
    for row in 0..<2 {
      #expect(series.add(Int64(row + 1) * 1_000) == row)
      _ = series.line(row, isNewVersion: false)
      _ = series.line(row, isNewVersion: true)
    }
    series.acknowledge(0, sent: 2)
    return series
  }

  private func values(
    _ series: TortureSeries,
    _ row: Int,
    _ version: UInt8
  ) -> [String: TortureSeries.Value] {
    Dictionary(
      uniqueKeysWithValues: series.fields(of: row).map {
        ($0, series.value(of: $0, row: row, version: version))
      }
    )
  }

  private func faults(_ found: (TortureSeries) -> Found) -> TortureFaults {
    var series = series()
    var faults = TortureFaults()
    series.compare(found(series), &faults)
    return faults
  }

  @Test func whatWasPromisedIsNoFaultWithAndWithoutTheRest() {
    #expect(faults { [1_000: values($0, 0, 1)] }.isClean)
    #expect(faults { [1_000: values($0, 0, 1), 2_000: values($0, 1, 0)] }.isClean)
    #expect(faults { [1_000: values($0, 0, 1), 2_000: values($0, 1, 1)] }.isClean)
  }

  @Test func anAcknowledgedRowThatIsAbsentIsMissing() {
    let found = faults { [2_000: values($0, 1, 0)] }
    #expect(found.missing == series().fields(of: 0).count)
    #expect(!found.isClean)
    #expect(found.examples.first?.hasPrefix("missing: torture,id=x at 1000") == true)
  }

  @Test func anOlderVersionThanTheAcknowledgedOneIsWrong() {
    #expect(faults { [1_000: values($0, 0, 0)] }.invented > 0)
  }

  @Test func valuesOfNobodyAreInvented() {
    #expect(faults { [1_000: values($0, 0, 1), 3_000: ["a": .float(1)]] }.invented == 1)
    #expect(faults { [1_000: values($0, 0, 3)] }.invented > 0)
  }

  @Test func aFieldThatIsGoneIsMissing() {
    let found = faults { series in
      var row = values(series, 0, 1)
      row.removeValue(forKey: "a")
      return [1_000: row]
    }
    #expect(found.missing == 1)
  }

  @Test func whatWasFoundOnceMustBeFoundAgain() {
    var series = series()
    var faults = TortureFaults()
    series.compare([1_000: values(series, 0, 1), 2_000: values(series, 1, 1)], &faults)
    #expect(faults.isClean)
    series.compare([1_000: values(series, 0, 1)], &faults)
    #expect(faults.missing > 0)
    // And what was found to be absent must not come back.
    var other = self.series()
    var later = TortureFaults()
    other.compare([1_000: values(other, 0, 1)], &later)
    #expect(later.isClean)
    other.compare([1_000: values(other, 0, 1), 2_000: values(other, 1, 0)], &later)
    #expect(later.invented > 0)
  }

  @Test func whatADeleteTookMustBeGone() {
    var series = series()
    series.beginDelete(1_000...1_500)
    #expect(series.endDelete() == 1)
    var faults = TortureFaults()
    var other = series
    other.compare([2_000: values(series, 1, 1)], &faults)
    #expect(faults.isClean)
    series.compare([1_000: values(series, 0, 1), 2_000: values(series, 1, 1)], &faults)
    #expect(faults.invented > 0)
    // Sent again it counts again.
    _ = other.line(0, isNewVersion: false)
    other.acknowledge(0, sent: 1)
    var later = TortureFaults()
    other.compare([1_000: values(other, 0, 0), 2_000: values(other, 1, 1)], &later)
    #expect(later.isClean)
    other.compare([2_000: values(other, 1, 1)], &later)
    #expect(later.missing > 0)
  }

  @Test func aDeleteWithoutAnAnswerTakesAllOrNothing() {
    func found(_ rows: [Int]) -> TortureFaults {
      var series = series()
      series.acknowledge(1, sent: 2)
      series.beginDelete(1_000...2_000)
      var faults = TortureFaults()
      let pairs = rows.map { (Int64($0 + 1) * 1_000, values(series, $0, 1)) }
      series.compare(Dictionary(uniqueKeysWithValues: pairs), &faults)
      return faults
    }
    #expect(found([0, 1]).isClean)
    #expect(found([]).isClean)
    #expect(found([0]).missing > 0)
  }

  @Test func answersAreReadAsTheyAreWritten() {
    let text = #"{"a":[1,-2.5e3,"x\n\"",null,true,{}],"b":{"c":"9007199254740993"}}"#
    let json = TortureJSON(Array(text.utf8))
    #expect(json?["a"]?.items.count == 6)
    #expect(json?["a"]?.items[1].text == "-2.5e3")
    #expect(json?["a"]?.items[2].text == "x\n\"")
    #expect(json?["b"]?["c"]?.text == "9007199254740993")
    for cut in 0..<text.utf8.count { #expect(TortureJSON(Array(text.utf8.prefix(cut))) == nil) }
    #expect(TortureJSON(Array(String(repeating: "[", count: 100_000).utf8)) == nil)
  }
}
