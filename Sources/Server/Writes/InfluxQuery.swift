internal import Query

/// `/query` as far as writing clients need it: they make their database first, or look whether it
/// is there. Databases mean nothing here, so every name is welcome.
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
    case ["CREATE", "DATABASE"], ["DROP", "DATABASE"], ["CREATE", "RETENTION"],
      ["ALTER", "RETENTION"], ["CREATE", "USER"], ["GRANT", "ALL"]:
      return
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
      json.key("error")
      json.string("InfluxQL is not spoken here: read with GET /api/v1/range")
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
