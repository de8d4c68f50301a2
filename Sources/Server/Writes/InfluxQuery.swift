internal import Query

/// `/query` as far as writing clients need it: they make their database first, or look whether it
/// is there. Databases mean nothing here, so every name is welcome.
///
/// What would delete, protect or limit is an error: whoever reads a success believes that it is
/// done.
enum InfluxQuery {
  private static let bodyByteCountMax = 64 << 10

  static func answer(_ call: Call) async -> Answer {
    var items: [(name: String, value: String)] = []
    do throws(QueryError) { items = try call.items() } catch {
      return WriteDialect.v1.answer(.badRequest(error.message))
    }
    if let upload = call.upload {
      let body: [UInt8]?
      do throws(Upload.Interrupted) {
        body = try await upload.collect(byteCountMax: bodyByteCountMax)
      } catch {
        return WriteDialect.v1.answer(.badRequest("the connection ended inside the body"))
      }
      guard let body else {
        return WriteDialect.v1.answer(.tooLarge("a query of more than \(bodyByteCountMax) bytes"))
      }
      if upload.contentType == "application/x-www-form-urlencoded" {
        do throws(QueryItems.Fault) {
          items += try QueryItems.parse(String(decoding: body, as: UTF8.self))
        } catch {
          return WriteDialect.v1.answer(.badRequest(error.message))
        }
      }
    }
    guard let query = items.first(where: { $0.name == "q" })?.value, !query.isEmpty else {
      return WriteDialect.v1.answer(.badRequest("missing required parameter \"q\""))
    }
    let database = items.first { $0.name == "db" }?.value
    var answer = Answer.json { json in
      json.key("results")
      json.array { json in
        let statements = query.split(separator: ";").filter { !words($0).isEmpty }
        for (index, statement) in statements.enumerated() {
          json.object { json in
            json.key("statement_id")
            json.integer(UInt64(index))
            result(of: words(statement), database: database, &json)
          }
        }
      }
    }
    answer.headers += InfluxHeaders.all
    return answer
  }

  private static func words(_ text: Substring) -> [String] {
    text.split { $0 == " " || $0 == "\n" || $0 == "\t" || $0 == "\r" }.map { $0.uppercased() }
  }

  private static func result(
    of words: [String],
    database: String?,
    _ json: inout JSONText
  ) {
    switch words.prefix(2) {
    case ["SHOW", "DATABASES"]:
      table("databases", ["name"], [[database ?? "varve"]], &json)
    case ["SHOW", "RETENTION"]:
      table(
        nil,
        ["name", "duration", "shardGroupDuration", "replicaN", "default"],
        [["autogen", "0s", "168h0m0s", "1", "true"]],
        &json
      )
    default:
      guard let error = refusal(of: words) else { return }
      json.key("error")
      json.string(error)
    }
  }

  /// Why a statement is not done; `nil` for one whose effect is there already.
  private static func refusal(of words: [String]) -> String? {
    switch words.prefix(2) {
    case ["CREATE", "DATABASE"], ["CREATE", "RETENTION"]:
      // Whatever is not said to end is kept for ever, which is what is done here.
      guard let index = words.firstIndex(of: "DURATION"), index + 1 < words.count,
        !["INF", "0S"].contains(words[index + 1])
      else { return nil }
      return "a duration of \(words[index + 1].lowercased().prefix(20)) is not kept to: "
        + "retention is not set by InfluxQL"
    case let some where some.first == "SELECT":
      return "InfluxQL is not spoken here: read with GET /api/v1/range"
    case let some where some.first == "SHOW":
      return "InfluxQL is not spoken here: only SHOW DATABASES and SHOW RETENTION POLICIES are "
        + "answered"
    default:
      let name = words.prefix(2).joined(separator: " ").prefix(40)
      return "\(name) is not done here: of InfluxQL only CREATE DATABASE, CREATE RETENTION POLICY, "
        + "SHOW DATABASES and SHOW RETENTION POLICIES are answered"
    }
  }

  private static func table(
    _ name: String?,
    _ columns: [String],
    _ rows: [[String]],
    _ json: inout JSONText
  ) {
    json.key("series")
    json.array { json in
      json.object { json in
        if let name {
          json.key("name")
          json.string(name)
        }
        json.key("columns")
        json.array { json in for column in columns { json.string(column) } }
        json.key("values")
        json.array { json in
          for row in rows { json.array { json in for value in row { json.string(value) } } }
        }
      }
    }
  }
}
