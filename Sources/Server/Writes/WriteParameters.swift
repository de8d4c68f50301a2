internal import LineProtocol
internal import Query

/// What the query string of a write says.
///
/// Whatever else InfluxDB's clients send (`db`, `rp`, `bucket`, `org`, `consistency`) is taken and
/// means nothing here. A name that is nearly one of ours is refused: a dry run that is misspelt
/// would store, and timestamps would be of another unit.
struct WriteParameters {
  private static let own = ["precision", "dry_run"]

  var precision = LinePrecision.auto
  var isDryRun = false
  /// InfluxDB's `p`.
  var password: String?

  init(_ call: Call, _ dialect: WriteDialect) throws(WriteRefusal) {
    var items: [(name: String, value: String)] = []
    do throws(QueryError) { items = try call.items() } catch { throw .badRequest(error.message) }
    var given: Set<String> = []
    for (name, value) in items {
      if Self.own.contains(name), !given.insert(name).inserted {
        throw .badRequest("\(name) stands twice; expected once")
      }
      switch name {
      case "precision": precision = try Self.precision(value, dialect)
      case "dry_run": isDryRun = try Self.isTrue(value)
      case "p" where dialect != .points: password = value
      default: try Self.check(name, dialect)
      }
    }
  }

  private static func precision(
    _ value: String,
    _ dialect: WriteDialect
  ) throws(WriteRefusal) -> LinePrecision {
    guard value.isEmpty || dialect.precisions.contains(value),
      let unit = LinePrecision(word: value.isEmpty ? "auto" : value)
    else {
      throw .badRequest(
        "precision is \"\(LogText.escape(value, byteCountMax: 40))\"; expected one of "
          + dialect.precisions.joined(separator: ", ")
      )
    }
    return unit
  }

  /// `dry_run` alone is one: who writes it does not want to store.
  private static func isTrue(_ value: String) throws(WriteRefusal) -> Bool {
    switch value {
    case "1", "true", "": return true
    case "0", "false": return false
    default:
      throw .badRequest(
        "dry_run is \"\(LogText.escape(value, byteCountMax: 40))\"; expected 1 or 0"
      )
    }
  }

  /// The route of points is Varve's alone, so that every other parameter is a mistake.
  private static func check(_ name: String, _ dialect: WriteDialect) throws(WriteRefusal) {
    if case .points = dialect {
      throw .badRequest(QueryError.unknownParameter(name, known: own).message)
    }
    guard let meant = NearName.suggestion(for: name, among: own) else { return }
    throw .badRequest(
      "unknown parameter \"\(LogText.escape(name, byteCountMax: 40))\"; did you mean \(meant)?"
    )
  }
}
