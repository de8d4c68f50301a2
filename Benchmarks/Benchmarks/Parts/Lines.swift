import ColumnData

/// Lines as senders of monitoring shape them.
enum Lines: String, CaseIterable {
  /// 2,000 fields a row: counters, and gauges of two decimals.
  case wide = "rows of 2,000 fields"
  /// TSBS' cpu-only shape: ten tags, ten whole percentages.
  case tsbs = "TSBS rows"
  /// One field a line, four tags.
  case single = "one field a line"

  static let start = 1_795_373_340

  var seriesCount: Int {
    switch self {
    case .wide: 20
    case .tsbs: 4_000
    case .single: 20_000
    }
  }

  var fieldCount: Int {
    switch self {
    case .wide: 2_000
    case .tsbs: 10
    case .single: 1
    }
  }

  /// The lines of all series, `rows` seconds long.
  func text(rows: Int, seriesCount: Int? = nil) -> [UInt8] {
    let seriesCount = seriesCount ?? self.seriesCount
    var random = Seeded(1)
    var values = (0..<seriesCount * fieldCount).map { _ in Int(random.next() % 10_000) }
    var bytes: [UInt8] = []
    for row in 0..<rows {
      for series in 0..<seriesCount {
        let first = series * fieldCount
        for index in first..<first + fieldCount {
          let step = Int(random.next() % 81)
          values[index] = max(0, values[index] + (isCounter(index - first) ? step : step - 40))
        }
        append(series, values[first..<first + fieldCount], row, to: &bytes)
      }
    }
    return bytes
  }

  private func isCounter(_ field: Int) -> Bool { self == .wide && field % 3 == 0 }

  private func append(_ series: Int, _ values: ArraySlice<Int>, _ row: Int, to bytes: inout [UInt8])
  {
    var text: String
    switch self {
    case .wide: text = "node,region=r\(series % 7),server=s\(series) "
    case .tsbs:
      text = "cpu,arch=x64,datacenter=eu-west-1c,hostname=host_\(series),os=Ubuntu16.04LTS"
      text += ",rack=\(series % 100)"
      text += ",region=eu-west-1,service=\(series % 20),service_environment=production"
      text += ",service_version=1,team=NYC "
    case .single:
      text = "m\(series % 50),dc=fra1,host=h\(series / 50),job=node,rack=\(series % 40) "
    }
    for (field, value) in values.enumerated() {
      if field > 0 { text += "," }
      switch self {
      case .tsbs: text += "usage_\(field)=\(value % 101)i"
      case .wide, .single:
        text += self == .single ? "value=" : "f\(field)="
        if isCounter(field) {
          text += "\(value)i"
        } else {
          text += "\(value / 100).\(value % 100 < 10 ? "0" : "")\(value % 100)"
        }
      }
    }
    bytes += Array("\(text) \(Self.start + row)\n".utf8)
  }
}
