import Bytes
import CBytes
import TestSupport
import Testing

/// Goal: the digests of FIPS 180-4, in whatever pieces the bytes come.
@Suite(.serialized) struct SHA256Tests {
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func knownDigests(text: String, digest: String) {
    #expect(Hex.text(SHA256.digest(Array(text.utf8))) == digest)
  }

  @Test func aMillionLetters() {
    var hash = SHA256()
    let piece = [UInt8](repeating: 0x61, count: 1_000)
    for _ in 0..<1_000 { hash.update(piece) }
    #expect(
      Hex.text(hash.finish())
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    )
  }

  @Test func piecesDoNotMatter() {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 * 7) }
    for cut in bytes.indices {
      var hash = SHA256()
      hash.update(Array(bytes[..<cut]))
      hash.update(Array(bytes[cut...]))
      #expect(hash.finish() == SHA256.digest(bytes))
    }
  }

  /// Where the processor has no instructions for it, both sides are plain.
  @Test func wideInstructionsGiveThePlainDigests() {
    defer { cbytes_use_wide(1) }
    var random = SeededRandom(seed: 3)
    for count in Array(0...300) + [4_095, 4_096, 100_003] {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      var digests: [[UInt8]] = []
      for use in [0, 1] as [Int32] {
        cbytes_use_wide(use)
        var hash = SHA256()
        hash.update(Array(bytes.prefix(count / 3)))
        hash.update(Array(bytes.dropFirst(count / 3)))
        digests.append(hash.finish())
      }
      #expect(digests[0] == digests[1], "\(count) bytes")
    }
  }
}
