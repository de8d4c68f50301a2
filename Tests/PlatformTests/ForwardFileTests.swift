import Platform
import TestSupport
import Testing

/// Goal: a file that is read ahead reads as the file does. Method: seeded reads, forwards mostly,
/// of a file in memory, and a disk that fails behind what is asked for.
@Suite struct ForwardFileTests {
  private func file(_ byteCount: Int) throws -> (FaultyDisk, any ReadableFile, [UInt8]) {
    let disk = FaultyDisk()
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
    let target = try disk.append(to: "file")
    unsafe try bytes.withUnsafeBytes { unsafe try target.append([$0]) }
    target.close()
    return (disk, try disk.open("file"), bytes)
  }

  @Test(arguments: UInt64(1)...10)
  func readsGiveTheBytesOfTheFile(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let (_, plain, bytes) = try file(400_000)
    let forward = ForwardFile(plain)
    #expect(forward.byteCount == bytes.count)
    var offset = 0
    for _ in 0..<2_000 {
      if Int.random(in: 0..<50, using: &random) == 0 {
        offset = Int.random(in: 0..<bytes.count, using: &random)
      }
      let count = Int.random(in: 0...3_000, using: &random)
      let end = min(bytes.count, offset + count)
      #expect(try forward.read(at: offset, count: end - offset) == Array(bytes[offset..<end]))
      offset = min(bytes.count - 1, end + Int.random(in: 0...400, using: &random))
    }
  }

  @Test func whatFailsBehindARequestDoesNotFailIt() throws {
    let (disk, plain, bytes) = try file(100_000)
    let forward = ForwardFile(plain)
    for offset in stride(from: 0, to: 90_000, by: 100) {
      if offset % 3_000 == 0 {
        disk.fail(.read, times: 1, code: SystemError.Code.inputOutput)
      }
      let found = try? forward.read(at: offset, count: 100)
      if let found { #expect(found == Array(bytes[offset..<offset + 100])) }
    }
  }
}
