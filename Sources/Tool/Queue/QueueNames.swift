internal import Catalog
internal import Engine
internal import Model
internal import Query

/// What a command asks the queue for must be there: else an error says what is.
extension QueueCommand {
  private static let listedCountMax = 20

  /// The tenant of that name; `nil` for no name.
  static func tenant(_ name: String?, in log: LogInspection) throws -> TenantID? {
    guard let name else { return nil }
    let tenants = log.catalog.tenants()
    guard let found = tenants.first(where: { $0.name == Array(name.utf8) }) else {
      let names = tenants.map { TerminalText.escape($0.name) }
      throw Failure(
        "there is no tenant \(TerminalText.escape(name)); this directory has: \(list(names))"
      )
    }
    return found.id
  }

  /// Checks that a directory has a partition.
  static func expect(partition: Int?, in log: LogInspection) throws {
    guard let partition, partition >= log.partitionCount else { return }
    throw Failure("there is no partition \(partition); expected 0 to \(log.partitionCount - 1)")
  }

  /// A topic that nobody has written to is misspelt.
  ///
  /// - Parameter tenant: whose it has to be; `nil` for anybody's.
  static func expect(topic: String?, of tenant: TenantID?, in log: LogInspection) throws {
    guard let topic else { return }
    let names = Set(
      log.catalog.tenants().filter { tenant == nil || $0.id == tenant }
        .flatMap { log.catalog.measurements(of: $0.id) }.map(\.name)
    )
    guard !names.contains(Array(topic.utf8)) else { return }
    let texts = names.map { TerminalText.escape($0) }.sorted()
    let hint =
      NearName.suggestion(for: topic, among: texts).map { "did you mean \($0)? " } ?? ""
    let whose = tenant.flatMap { log.catalog.tenant($0) }.map {
      "tenant \(TerminalText.escape($0.name)) has"
    }
    throw Failure(
      "there is no topic \(TerminalText.escape(topic)); \(hint)"
        + "\(whose ?? "this directory has"): \(list(texts))"
    )
  }

  /// Checks that some partition of the log has an offset, or will have had smaller ones.
  ///
  /// - Parameter partition: the only one that counts; `nil` for all.
  /// - Returns: a remark where the log begins behind the offset.
  static func expect(
    offset: UInt64,
    partition: Int?,
    in log: LogInspection
  ) throws -> String? {
    var held: [Int: ClosedRange<UInt64>] = [:]
    do throws(EngineError) {
      _ = try log.forEachBatch { header, _, _ in
        let index = Int(header.partition.rawValue)
        guard partition == nil || index == partition else { return }
        let found = header.offset.rawValue
        let range = held[index] ?? found...found
        held[index] = min(range.lowerBound, found)...max(range.upperBound, found)
      }
    } catch {
      throw Failure(reading: error)
    }
    guard !held.isEmpty else { return nil }
    let ranges = held.sorted { $0.key < $1.key }.map {
      "partition \($0.key) from \($0.value.lowerBound) to \($0.value.upperBound)"
    }
    guard held.values.contains(where: { $0.upperBound >= offset }) else {
      throw Failure("there is no offset \(offset) in the log; it has \(list(ranges))")
    }
    guard offset > 0, held.values.contains(where: { $0.lowerBound > offset }) else { return nil }
    return "offsets before these are not in the log any more: \(list(ranges))"
  }

  private static func list(_ names: [String]) -> String {
    guard !names.isEmpty else { return "none" }
    let listed = names.prefix(listedCountMax).joined(separator: ", ")
    return names.count > listedCountMax ? "\(listed), …" : listed
  }
}
