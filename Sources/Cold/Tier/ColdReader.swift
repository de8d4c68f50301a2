public import Blocks
internal import Bytes
public import Platform
internal import Synchronization

/// Reads cold blocks for queries: whole pages, checked, kept in a bounded cache, some read ahead
/// when reads follow one another.
///
/// A store that does not answer is left alone for a while: readers get the same error at once, so
/// that a query that meets a hundred of its objects does not wait a hundred times.
public final class ColdReader: ColdSource {
  /// How long a store that does not answer is left alone, at first and at most.
  public static let pauseNanosecondsMin: UInt64 = 5_000_000_000
  public static let pauseNanosecondsMax: UInt64 = 60_000_000_000
  /// Bytes of one request.
  static let requestByteCountMax = 8 << 20
  /// Pages read ahead at most.
  static let aheadCountMax = 64
  /// Objects whose trouble is told of by name.
  static let troubleCountMax = 16

  public let store: any ObjectStore
  private let clock: any Clock
  private let cache: PageCache
  private let state = Mutex(State())

  private struct State {
    /// Until when the store is left alone, and why.
    var pause: (until: UInt64, length: UInt64, error: ObjectError)?
    var troubles: [String: String] = [:]
    var statistics = ColdReadStatistics()
  }

  /// - Parameter cacheByteCount: of pages in memory; 0 or more.
  public init(_ store: any ObjectStore, clock: any Clock, cacheByteCount: Int) {
    self.store = store
    self.clock = clock
    cache = PageCache(byteCountMax: cacheByteCount)
  }

  public var statistics: ColdReadStatistics {
    var result = state.withLock { $0.statistics }
    result.cacheByteCount = cache.byteCount
    return result
  }

  /// Objects that could not be read when they were last asked for, by path, with the reason.
  public var troubles: [String: String] { state.withLock { $0.troubles } }

  public func path(of key: String) -> String { store.path(of: key) }

  public func read(
    _ object: ColdObject,
    at offset: Int,
    count: Int
  ) throws(SystemError) -> [UInt8] {
    precondition(offset >= 0 && count >= 0)
    precondition(offset + count <= object.byteCount)
    guard count > 0 else { return [] }
    let pages = offset / object.pageByteCount..<(offset + count - 1) / object.pageByteCount + 1
    var result: [UInt8] = []
    result.reserveCapacity(count)
    var page = pages.lowerBound
    var fetched: (first: Int, bytes: [[UInt8]]) = (0, [])
    while page < pages.upperBound {
      let bytes: [UInt8]
      let key = PageCache.Key(object: object.key, page: page)
      if page >= fetched.first, page - fetched.first < fetched.bytes.count {
        bytes = fetched.bytes[page - fetched.first]
      } else if let cached = cache.page(key) {
        state.withLock { $0.statistics.hitCount += 1 }
        bytes = cached
      } else {
        fetched = (page, try fetch(object, run(from: page, in: pages, of: object)))
        bytes = fetched.bytes[0]
      }
      let start = page * object.pageByteCount
      let wanted = max(offset, start) - start..<min(offset + count, start + bytes.count) - start
      result.append(contentsOf: bytes[wanted])
      page += 1
    }
    return result
  }

  /// The pages to ask for at once: the missing ones of `pages` from `first` on, and some behind
  /// them when the last read ended here.
  private func run(from first: Int, in pages: Range<Int>, of object: ColdObject) -> Range<Int> {
    var end = first + 1
    let countMax = max(1, Self.requestByteCountMax / object.pageByteCount)
    while end < pages.upperBound, end - first < countMax,
      !cache.contains(.init(object: object.key, page: end))
    {
      end += 1
    }
    let aheadCount = object.progress.withLock { progress in
      let isNext = progress.nextPage == first
      progress.aheadCount = isNext ? min(Self.aheadCountMax, max(2, 2 * progress.aheadCount)) : 0
      return progress.aheadCount
    }
    let limit = min(object.pageCount, min(end + aheadCount, first + countMax))
    while end < limit, !cache.contains(.init(object: object.key, page: end)) { end += 1 }
    object.progress.withLock { $0.nextPage = end }
    return first..<end
  }

  /// Pages from the store, checked.
  private func fetch(_ object: ColdObject, _ pages: Range<Int>) throws(SystemError) -> [[UInt8]] {
    let start = pages.lowerBound * object.pageByteCount
    let end = min(object.byteCount, pages.upperBound * object.pageByteCount)
    do throws(ObjectError) {
      let bytes = try get(object.key, start..<end)
      var result: [[UInt8]] = []
      for page in pages {
        let first = page * object.pageByteCount - start
        let part = Array(bytes[first..<min(bytes.count, first + object.pageByteCount)])
        if !object.pageChecksums.isEmpty {
          guard CRC32C.checksum(part) == object.pageChecksums[page] else {
            throw ObjectError(
              .damaged,
              path(of: object.key),
              "read: bytes \(start + first) ..< \(start + first + part.count) fail their checksum"
            )
          }
        }
        cache.insert(part, as: .init(object: object.key, page: page))
        result.append(part)
      }
      settle(object, nil)
      return result
    } catch {
      settle(object, error)
      throw error.systemError
    }
  }

  private func get(_ key: String, _ range: Range<Int>) throws(ObjectError) -> [UInt8] {
    let now = clock.monotonic()
    let pause = state.withLock { state in
      state.statistics.requestCount += 1
      return state.pause
    }
    if let pause, now < pause.until {
      throw ObjectError(.unreachable, path(of: key), "not asked: \(pause.error.what)")
    }
    let bytes = try store.get(key, at: range.lowerBound, count: range.count)
    guard bytes.count == range.count else {
      throw ObjectError(
        .damaged,
        path(of: key),
        "read: \(bytes.count) bytes instead of \(range.count) at \(range.lowerBound)"
      )
    }
    state.withLock { $0.statistics.byteCount += UInt64(bytes.count) }
    return bytes
  }

  /// Notes what came of a request.
  private func settle(_ object: ColdObject, _ error: ObjectError?) {
    let now = clock.monotonic()
    let path = path(of: object.key)
    state.withLock { state in
      guard let error else {
        state.pause = nil
        if !state.troubles.isEmpty { state.troubles[path] = nil }
        return
      }
      state.statistics.failureCount += 1
      if state.troubles.count < Self.troubleCountMax || state.troubles[path] != nil {
        state.troubles[path] = error.what
      }
      guard error.kind == .unreachable, now >= state.pause?.until ?? 0 else { return }
      let length = state.pause.map { min(2 * $0.length, Self.pauseNanosecondsMax) }
      let pause = length ?? Self.pauseNanosecondsMin
      state.pause = (now &+ pause, pause, error)
    }
  }
}

/// What reading cold blocks has cost since the start.
public struct ColdReadStatistics: Hashable, Sendable {
  public var requestCount: UInt64 = 0
  public var byteCount: UInt64 = 0
  public var failureCount: UInt64 = 0
  /// Pages that were in the cache.
  public var hitCount: UInt64 = 0
  public var cacheByteCount = 0

  public init() {}
}
