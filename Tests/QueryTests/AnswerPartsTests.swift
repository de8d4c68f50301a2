import Model
import Query
import Synchronization
import TestSupport
import Testing

/// Goal: a large answer that is written in parts on several threads reads like one written at once.
/// Method: seeded stores, as JSON and as CSV; and fields of a few series, which threads share too.
@Suite struct AnswerPartsTests {
  private func whole(_ answer: RangeAnswer) -> [UInt8] {
    var writer = AnswerWriter(answer)
    var bytes: [UInt8] = []
    while let piece = writer.next() { bytes += piece }
    #expect(writer.isDone)
    return bytes
  }

  private func parts(_ answer: RangeAnswer) -> (bytes: [UInt8], count: Int) {
    let parts = AnswerParts(answer)
    var bytes: [UInt8] = []
    // The order in which texts are made is nobody's business.
    var texts: [[UInt8]] = Array(repeating: [], count: parts.count)
    for part in texts.indices.reversed() {
      var writer = parts.writer(of: part)
      while let piece = writer.next({ text in text.indices.map { text[$0] } }) {
        texts[part] += piece
      }
      #expect(writer.isDone)
    }
    for text in texts { bytes += text }
    return (bytes, parts.count)
  }

  @Test(arguments: UInt64(1)...3)
  func partsAddUpToTheWhole(seed: UInt64) throws {
    let generator = StoreGenerator(seed: seed, seriesCount: 120, rowCountMax: 2_500)
    for format in ["json", "csv"] {
      for query in [
        "", "&newest=1", "&newest=3&field=f0,f1", "&where=f1>2", "&step=1m&agg=min,max,avg,count",
        "&step=7m&agg=sum,last&group_by=server", "&step=1h&agg=max&group_by=none", "&field=none",
      ] {
        let answer = try generator.store.run(
          "measurement=node&start=-1h&end=now+4h&format=\(format)" + query,
          helpers: WideQueryTests.Helpers()
        )
        let found = parts(answer)
        #expect(found.bytes == whole(answer), "seed \(seed) \(format)\(query)")
        if query.contains("step=1m") { #expect(found.count > 1) }
      }
    }
  }

  @Test(arguments: UInt64(1)...4)
  func fieldsOfAFewSeriesEqualAPlainFold(seed: UInt64) throws {
    let generator = StoreGenerator(seed: seed, seriesCount: 15, rowCountMax: 2_500)
    let points = naivePoints(generator.rows)
    let helpers = WideQueryTests.Helpers()
    for (step, group) in [("60s", ""), ("30s", "&group_by=az"), ("90s", "")] {
      let parsed = try request(
        "measurement=node&start=-1h&end=now+4h&step=\(step)"
          + "&agg=count,sum,min,max,avg,first,last\(group)"
      )
      let answer = try generator.store.run(parsed, helpers: helpers)
      try RangeQueryModelTests.compare(
        answer,
        parsed,
        points,
        generator.store,
        "seed \(seed) step \(step)\(group)"
      )
      let alone = try generator.store.run(parsed)
      #expect(answer.dataJSON == alone.dataJSON, "seed \(seed) step \(step)\(group)")
      // Without first and last windows are folded aggregate by aggregate.
      let fewer = try generator.store.run(
        "measurement=node&start=-1h&end=now+4h&step=\(step)&agg=avg,max,min,sum,count\(group)"
      )
      let (all, some) = (Self.columns(of: answer), Self.columns(of: fewer))
      #expect(some.count > 20)
      for (name, values) in some { #expect(all[name] == values, "seed \(seed) \(name)") }
    }
    #expect(helpers.offers.load(ordering: .relaxed) > 0)
  }

  /// By series, field and aggregate.
  private static func columns(of answer: RangeAnswer) -> [String: String] {
    var result: [String: String] = [:]
    for series in answer.series {
      guard case .buckets(let present, let columns) = series.content else { continue }
      for (aggregate, values) in columns {
        let buckets = (0..<present.count).filter { present.contains($0) }
        let texts = buckets.map { index -> String in
          switch values {
          case .float(let cells), .integer(let cells), .unsigned(let cells), .boolean(let cells),
            .string(let cells, _):
            "\(index) \(cells[index])"
          case .sum(let sums, _): "\(index) \(sums[index])"
          }
        }
        let tags = series.tags.map { "\(text($0.key))=\(text($0.value))" }
        result["\(tags) \(text(series.field)) \(aggregate)"] = texts.joined(separator: ",")
      }
    }
    return result
  }
}
