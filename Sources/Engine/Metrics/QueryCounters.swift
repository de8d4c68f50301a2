internal import Platform
internal import Query
internal import Synchronization

/// What a query asked for: the label of metrics.
public enum QueryKind: String, Sendable, CaseIterable {
  /// Points as they came.
  case raw
  /// One value a bucket.
  case step
}

/// Counts queries as they begin and end. Safe from any thread; one short lock a query.
final class QueryCounters: Sendable {
  /// How queries ended, by the label of metrics: success, or the kind of the error.
  static let outcomes = ["success"] + QueryError.Kind.allCases.map(\.rawValue)

  private let durations: [DurationHistogram]
  private let partialAnswers = Atomic<UInt64>(0)
  private let running = Mutex<[ObjectIdentifier: QueryMemory]>([:])

  init() {
    durations = (0..<QueryKind.allCases.count * Self.outcomes.count).map { _ in
      DurationHistogram()
    }
  }

  func begin() -> QueryMemory {
    let memory = QueryMemory()
    running.withLock { $0[ObjectIdentifier(memory)] = memory }
    return memory
  }

  /// - Parameter failure: `nil` when it was answered.
  func end(_ memory: QueryMemory, _ kind: QueryKind, _ failure: QueryError?, nanoseconds: UInt64) {
    running.withLock { $0[ObjectIdentifier(memory)] = nil }
    let outcome = Self.outcomes.firstIndex(of: failure?.kind.rawValue ?? "success") ?? 0
    let place = QueryKind.allCases.firstIndex(of: kind) ?? 0
    durations[place * Self.outcomes.count + outcome].record(nanoseconds: nanoseconds)
  }

  /// Ends what runs, soon.
  func cancelAll() {
    running.withLock { for memory in $0.values { memory.cancel() } }
  }

  /// An answer lacks stored data that could not be read.
  func answeredPartially() { partialAnswers.add(1) }

  func read() -> EngineMetrics.Queries {
    var result = EngineMetrics.Queries()
    (result.runningCount, result.byteCount) = running.withLock { running in
      (running.count, running.values.reduce(0) { $0 + $1.byteCount })
    }
    result.partialAnswerCount = partialAnswers.load(ordering: .relaxed)
    for (place, kind) in QueryKind.allCases.enumerated() {
      for (index, outcome) in Self.outcomes.enumerated() {
        let counts = durations[place * Self.outcomes.count + index].counts
        result.durations.append((kind: kind, outcome: outcome, counts: counts))
      }
    }
    return result
  }
}
