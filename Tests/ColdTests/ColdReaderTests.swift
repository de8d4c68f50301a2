import Blocks
import Bytes
import Cold
import Platform
import Synchronization
import TestSupport
import Testing

/// Counts what it is asked and fails when it is told to.
private final class CountingStore: ObjectStore {
  let bytes: [UInt8]
  let gets = Mutex<[Range<Int>]>([])
  let failure = Mutex<ObjectError?>(nil)

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var location: String { "s3://bucket" }
  func path(of key: String) -> String { "s3://bucket/\(key)" }
  func put(_ key: String, _ file: any ReadableFile) throws(ObjectError) {}

  func get(_ key: String, at offset: Int, count: Int) throws(ObjectError) -> [UInt8] {
    gets.withLock { $0.append(offset..<offset + count) }
    if let failure = failure.withLock({ $0 }) { throw failure }
    return Array(bytes[min(offset, bytes.count)..<min(bytes.count, offset + count)])
  }

  func list(_ prefix: String) throws(ObjectError) -> [ObjectEntry] { [] }
  func delete(_ key: String) throws(ObjectError) {}
  func byteCount(of key: String) throws(ObjectError) -> Int? { bytes.count }
}

/// Goal: what a reader gives is what was stored, in few requests and bounded memory.
@Suite struct ColdReaderTests {
  private static let pageByteCount = 100
  private static let content = (0..<10_050).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 2) }

  private static func object(_ key: String = "00/a.block") -> ColdObject {
    var checksums: [UInt32] = []
    var start = 0
    while start < content.count {
      checksums.append(
        CRC32C.checksum(Array(content[start..<min(content.count, start + pageByteCount)]))
      )
      start += pageByteCount
    }
    return ColdObject(
      key: key,
      byteCount: content.count,
      pageByteCount: pageByteCount,
      pageChecksums: checksums
    )
  }

  @Test(arguments: [0, 500, 1 << 20])
  func everyRangeReadsBackWhateverTheCacheHolds(cacheByteCount: Int) throws {
    let store = CountingStore(Self.content)
    let reader = ColdReader(store, clock: ManualClock(now: 0), cacheByteCount: cacheByteCount)
    let object = Self.object()
    var random = SeededRandom(seed: 7)
    for _ in 0..<500 {
      let start = Int.random(in: 0..<Self.content.count, using: &random)
      let count = Int.random(in: 0...min(900, Self.content.count - start), using: &random)
      let found = try reader.read(object, at: start, count: count)
      #expect(found == Array(Self.content[start..<start + count]))
    }
    #expect(reader.statistics.cacheByteCount <= cacheByteCount)
    #expect(reader.statistics.failureCount == 0)
    if cacheByteCount == 1 << 20 {
      // Nothing was asked for twice.
      #expect(reader.statistics.byteCount <= UInt64(Self.content.count))
      #expect(reader.statistics.hitCount > 0)
    }
  }

  @Test func readsThatFollowOneAnotherAreReadAhead() throws {
    let store = CountingStore(Self.content)
    let reader = ColdReader(store, clock: ManualClock(now: 0), cacheByteCount: 1 << 20)
    let object = Self.object()
    var found: [UInt8] = []
    for start in stride(from: 0, to: Self.content.count, by: 50) {
      found += try reader.read(object, at: start, count: min(50, Self.content.count - start))
    }
    #expect(found == Self.content)
    #expect(store.gets.withLock { $0.count } < 12)
    // One that jumps reads what it wants and no more.
    let jumping = Self.object("00/b.block")
    for page in [50, 20, 90, 3] {
      _ = try reader.read(jumping, at: page * Self.pageByteCount, count: 10)
    }
    #expect(store.gets.withLock { $0.suffix(4).allSatisfy { $0.count == Self.pageByteCount } })
  }

  @Test func aPageThatIsNotWhatWasStoredIsDamage() throws {
    var bytes = Self.content
    bytes[1_234] ^= 4
    let reader = ColdReader(
      CountingStore(bytes),
      clock: ManualClock(now: 0),
      cacheByteCount: 1 << 20
    )
    let object = Self.object()
    #expect(try reader.read(object, at: 0, count: 1_000) == Array(Self.content[..<1_000]))
    for _ in 0..<2 {
      let error = #expect(throws: SystemError.self) {
        _ = try reader.read(object, at: 1_250, count: 10)
      }
      #expect(error?.code == SystemError.Code.inputOutput)
      #expect(error?.path == "s3://bucket/00/a.block")
      #expect(error?.operation.contains("1200 ..< 1300") == true)
    }
    #expect(reader.troubles.keys.sorted() == ["s3://bucket/00/a.block"])
    #expect(try reader.read(object, at: 1_300, count: 10) == Array(Self.content[1_300..<1_310]))
    #expect(reader.troubles.isEmpty)
  }

  @Test func aShortObjectIsDamage() throws {
    let store = CountingStore(Array(Self.content[..<5_000]))
    let reader = ColdReader(store, clock: ManualClock(now: 0), cacheByteCount: 0)
    let error = #expect(throws: SystemError.self) {
      _ = try reader.read(Self.object(), at: 4_990, count: 20)
    }
    #expect(error?.code == SystemError.Code.inputOutput)
  }

  @Test func aStoreThatDoesNotAnswerIsLeftAloneForAWhile() throws {
    let store = CountingStore(Self.content)
    let clock = ManualClock(now: 0)
    let reader = ColdReader(store, clock: clock, cacheByteCount: 1 << 20)
    store.failure.withLock { $0 = ObjectError(.unreachable, "s3://bucket", "connect: no answer") }
    let object = Self.object()
    for _ in 0..<10 {
      let error = #expect(throws: SystemError.self) {
        _ = try reader.read(object, at: 0, count: 10)
      }
      #expect(error?.code == SystemError.Code.timedOut)
      #expect(error?.operation.contains("no answer") == true)
    }
    #expect(store.gets.withLock { $0.count } == 1)
    clock.advance(nanoseconds: Int64(ColdReader.pauseNanosecondsMin))
    for _ in 0..<2 { _ = try? reader.read(object, at: 0, count: 10) }
    #expect(store.gets.withLock { $0.count } == 2)
    // The second pause is twice as long.
    clock.advance(nanoseconds: Int64(ColdReader.pauseNanosecondsMin))
    _ = try? reader.read(object, at: 0, count: 10)
    #expect(store.gets.withLock { $0.count } == 2)
    store.failure.withLock { $0 = nil }
    clock.advance(nanoseconds: Int64(ColdReader.pauseNanosecondsMin))
    #expect(try reader.read(object, at: 0, count: 10) == Array(Self.content[..<10]))
    // A missing object says nothing of the others.
    store.failure.withLock { $0 = ObjectError(.missing, "s3://bucket/00/a.block", "get: 404") }
    for _ in 0..<3 { _ = try? reader.read(object, at: 5_000, count: 10) }
    #expect(store.gets.withLock { $0.count } == 6)
  }
}
