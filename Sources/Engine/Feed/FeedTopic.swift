internal import Model
internal import Query

/// What several readers ask for alike: folded and written once for all of them.
struct FeedTopic {
  struct Key: Hashable, Sendable {
    var tenant: [UInt8]
    var measurement: [UInt8]?
    var tags: [Tag]
    var shape: Shape

    init(_ subscription: FeedSubscription) {
      tenant = subscription.tenant
      measurement = subscription.request.measurement
      tags = subscription.request.tags
      shape = Shape(
        fields: subscription.request.fields,
        aggregates: subscription.request.aggregates,
        precision: subscription.request.precision,
        form: subscription.form
      )
    }
  }

  /// What a window looks like: topics that agree on it share one text.
  struct Shape: Hashable, Sendable {
    var fields: RangeRequest.Fields
    var aggregates: [Aggregate]
    var precision: TimePrecision
    var form: FeedForm
  }

  var key: Key
  /// Any of its readers' requests: they differ in nothing that a series is matched by.
  var request: StreamRequest
  var readers: [FeedSubscription] = []
}

/// The topics, and which of them a series belongs to.
struct FeedTopics {
  private struct Scope: Hashable {
    var tenant: [UInt8]
    var measurement: [UInt8]?
  }

  /// Series whose topics are remembered; beyond it all are forgotten.
  private static let knownCountMax = 1 << 20

  private(set) var all: [Int: FeedTopic] = [:]
  private var numbers: [FeedTopic.Key: Int] = [:]
  private var nextNumber = 0
  /// Topics without a tag that must be there, by scope.
  private var plain: [Scope: Set<Int>] = [:]
  /// The others, by the first such tag.
  private var tagged: [Scope: [Tag: Set<Int>]] = [:]
  private var known: [UInt32: [Int]] = [:]

  mutating func add(_ subscription: FeedSubscription) {
    let key = FeedTopic.Key(subscription)
    if let number = numbers[key] {
      all[number]?.readers.append(subscription)
      return
    }
    let number = nextNumber
    nextNumber += 1
    numbers[key] = number
    all[number] = FeedTopic(key: key, request: subscription.request, readers: [subscription])
    index(key) { $0.insert(number) }
  }

  mutating func remove(_ subscription: FeedSubscription) {
    let key = FeedTopic.Key(subscription)
    guard let number = numbers[key] else { return }
    all[number]?.readers.removeAll { $0 === subscription }
    guard all[number]?.readers.isEmpty == true else { return }
    all[number] = nil
    numbers[key] = nil
    index(key) { $0.remove(number) }
  }

  private mutating func index(_ key: FeedTopic.Key, _ change: (inout Set<Int>) -> Void) {
    known = [:]
    let scope = Scope(tenant: key.tenant, measurement: key.measurement)
    if let tag = key.tags.first(where: { !$0.value.isEmpty }) {
      change(&tagged[scope, default: [:]][tag, default: []])
      if tagged[scope]?[tag]?.isEmpty == true { tagged[scope]?[tag] = nil }
      if tagged[scope]?.isEmpty == true { tagged[scope] = nil }
    } else {
      change(&plain[scope, default: []])
      if plain[scope]?.isEmpty == true { plain[scope] = nil }
    }
  }

  /// The topics that a series belongs to, oldest first.
  ///
  /// - Parameter definition: looks the series up; asked once a series.
  mutating func topics(
    of series: UInt32,
    _ definition: () -> (series: SeriesDefinition, tenant: [UInt8])?
  ) -> [Int] {
    if let numbers = known[series] { return numbers }
    guard let (definition, tenant) = definition() else { return [] }
    var numbers: [Int] = []
    for measurement in [definition.measurementName, nil] {
      let scope = Scope(tenant: tenant, measurement: measurement)
      var candidates = plain[scope] ?? []
      if let byTag = tagged[scope] {
        for tag in definition.tags { candidates.formUnion(byTag[tag] ?? []) }
      }
      numbers += candidates.filter { all[$0]?.request.matches(definition) == true }
    }
    numbers.sort()
    if known.count >= Self.knownCountMax { known = [:] }
    known[series] = numbers
    return numbers
  }
}
