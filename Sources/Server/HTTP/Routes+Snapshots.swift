internal import Engine
internal import Platform
internal import Query

/// Snapshots: `POST /api/v1/admin/tsdb/snapshot`, `GET .../snapshots`, `POST .../delete_snapshot`.
extension Routes {
  func makeSnapshot() async throws(QueryError) -> Answer {
    let report: SnapshotReport
    do throws(EngineError) {
      report = try await engine.snapshot()
    } catch {
      throw Self.queryError(error)
    }
    return .json { json in
      json.key("status")
      json.string("success")
      json.key("data")
      json.object { json in
        json.key("name")
        json.string(report.name)
        json.key("path")
        json.string(report.path)
        json.key("linked_files")
        json.integer(UInt64(report.linkCount))
        json.key("microseconds")
        json.integer(report.nanoseconds / 1_000)
      }
    }
  }

  func listSnapshots() throws(QueryError) -> Answer {
    let names: [String]
    do throws(EngineError) {
      names = try engine.snapshotNames()
    } catch {
      throw Self.queryError(error)
    }
    return .json { json in
      json.key("status")
      json.string("success")
      json.key("data")
      json.array { json in
        for name in names { json.string(name) }
      }
    }
  }

  func deleteSnapshot(_ call: Call) async throws(QueryError) -> Answer {
    let items = try await call.form()
    guard items.count == 1, items[0].name == "name" else {
      throw QueryError(.badData, "expected one parameter, name=SNAPSHOT")
    }
    let (engine, name) = (engine, items[0].value)
    let isFound: Bool
    do {
      isFound = try await Blocking.run("snapshot") { () throws(EngineError) in
        try engine.removeSnapshot(name)
      }
    } catch EngineError.inUse {
      throw QueryError(
        .badData,
        "the snapshot \(excerpt(name)) is served by another process; stop that first"
      )
    } catch let error as EngineError {
      throw Self.queryError(error)
    } catch {
      throw QueryError(.internal, "\(error)")
    }
    guard isFound else {
      throw QueryError(.badData, "there is no snapshot \(excerpt(items[0].value))")
    }
    return .noContent
  }

  /// Deletes rows: `POST .../delete_series?match[]=SELECTOR&start=T&end=T`, or the same as a form.
  func deleteSeries(_ call: Call) async throws(QueryError) -> Answer {
    try await engine.deleteSeries(call.form(), tenant: call.tenant)
    return .noContent
  }

  /// What an engine that cannot is to a client.
  static func queryError(_ error: EngineError) -> QueryError {
    switch error {
    case .notReady, .stopped: QueryError(.unavailable, "\(error)")
    case .system(let system) where system.isDiskFull: QueryError(.unavailable, "\(error)")
    case .system(let system) where system.code == SystemError.Code.timedOut:
      QueryError(.timeout, "\(error)")
    default: QueryError(.internal, "\(error)")
    }
  }
}
