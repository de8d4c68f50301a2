internal import Catalog
package import Engine
internal import Model
internal import Platform
internal import Query

/// Names: all measurements, or one closely.
package enum CatalogView {
  static func measurements(_ snapshot: DirectorySnapshot) -> TextTable {
    var table = TextTable(["tenant", "measurement", "series>", "fields>", "types", "tags"])
    for tenant in snapshot.tenants {
      for measurement in snapshot.measurements(of: tenant.id) {
        let fields = snapshot.fields(of: measurement.id)
        let types = ColumnType.allCases.compactMap { type -> String? in
          let count = fields.count { $0.type == type }
          return count > 0 ? "\(count) \(type.name)" : nil
        }
        let keys = snapshot.catalog.tagKeys(of: measurement.id).map { TerminalText.escape($0) }
        table.add([
          .name(tenant.name), .name(measurement.name),
          .integer(snapshot.seriesCount(of: measurement.id)), .integer(fields.count),
          .text(types.joined(separator: ", ")), .text(keys.joined(separator: ", ")),
        ])
      }
    }
    return table
  }

  package static func make(
    _ snapshot: DirectorySnapshot,
    tenant name: String,
    measurement: String
  ) throws -> TextReport {
    guard let tenant = snapshot.tenants.first(where: { $0.name == Array(name.utf8) }) else {
      let names = snapshot.tenants.map { TerminalText.escape($0.name) }.joined(separator: ", ")
      throw Failure.notThere(
        snapshot.directory.path,
        "there is no tenant \(TerminalText.escape(name)); this directory has: \(names)"
      )
    }
    guard
      let id = snapshot.catalog.measurement(tenant: tenant.id, named: Array(measurement.utf8))
    else {
      let names = snapshot.measurements(of: tenant.id).map { TerminalText.escape($0.name) }
      let near = NearName.suggestion(for: measurement, among: names)
      throw Failure.notThere(
        snapshot.directory.path,
        "there is no measurement \(TerminalText.escape(measurement)) of tenant "
          + TerminalText.escape(name) + (near.map { "; did you mean \($0)?" } ?? "")
      )
    }
    var report = TextReport()
    report.fact("tenant", .name(tenant.name))
    report.fact("measurement", .text(measurement))
    report.fact("series", .integer(snapshot.seriesCount(of: id)))
    var fields = TextTable(["field", "type", "number>"])
    for field in snapshot.fields(of: id)
      .sorted(by: { $0.name.lexicographicallyPrecedes($1.name) })
    {
      fields.add([.name(field.name), .text(field.type.name), .integer(Int(field.id.rawValue))])
    }
    report.table("fields", key: "fields", fields)
    var tags = TextTable(["tag", "values>", "some_of_them"])
    for key in snapshot.catalog.tagKeys(of: id) {
      let values = snapshot.catalog.tagValues(of: id, key: key)
      let shown = values.prefix(5).map { TerminalText.escape($0, characterCountMax: 40) }
      tags.add([
        .name(key), .integer(values.count),
        .text(shown.joined(separator: ", ") + (values.count > 5 ? ", …" : "")),
      ])
    }
    report.table("tags", key: "tags", tags)
    return report
  }
}
