import Bytes
import TestSupport
import Testing

/// Goal: the checksum is CRC32C as published, whichever way it is computed.
@Suite struct CRC32CTests {
  /// RFC 3720, appendix B.4, and the usual check value.
  static let published: [(bytes: [UInt8], checksum: UInt32)] = [
    ([], 0),
    (Array(text: "123456789"), 0xe306_9283),
    ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
    ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
    (Array(0..<32), 0x46dd_794e),
    (Array((0..<32).reversed()), 0x113f_db5c),
  ]

  @Test(arguments: published)
  func publishedValuesHold(bytes: [UInt8], checksum: UInt32) {
    #expect(CRC32C.checksum(bytes) == checksum)
    #expect(CRC32C.checksumByTable(bytes) == checksum)
  }

  @Test func instructionAndTableAgreeAtEveryLengthAndCut() {
    var random = SeededRandom(seed: 3)
    for count in 0..<130 {
      let bytes = random.bytes(count)
      let whole = CRC32C.checksum(bytes)
      #expect(CRC32C.checksumByTable(bytes) == whole)
      let cut = Int.random(in: 0...count, using: &random)
      let first = CRC32C.checksum(bytes.span.extracting(0..<cut))
      #expect(CRC32C.checksum(bytes.span.extracting(cut..<count), continuing: first) == whole)
      #expect(CRC32C.checksumByTable(Array(bytes[cut...]), continuing: first) == whole)
      let raw = unsafe bytes.withUnsafeBytes { unsafe CRC32C.checksum($0) }
      #expect(raw == whole)
    }
  }

  @Test func noBitFlipGoesUnnoticed() {
    var random = SeededRandom(seed: 4)
    let bytes = random.bytes(64)
    let checksum = CRC32C.checksum(bytes)
    for bit in 0..<512 { #expect(CRC32C.checksum(bytes.flipping(bit: bit)) != checksum) }
  }
}
