import Bytes
import TestSupport
import Testing

/// gzip against what zlib says of the same bytes: Fixtures/gzip holds its files and verdicts.
struct GzipDecoderTests {
  /// Decompresses `bytes` given in pieces of `pieceByteCount`.
  private func decompress(
    _ bytes: [UInt8],
    pieceByteCount: Int = .max
  ) throws(GzipFault) -> [UInt8] {
    var decoder = GzipDecoder()
    var result: [UInt8] = []
    var offset = 0
    while true {
      while try decoder.run() {
        decoder.takeOutput { piece in
          for index in piece.indices { result.append(piece[index]) }
        }
      }
      if offset == bytes.count { break }
      let count = min(pieceByteCount, bytes.count - offset)
      let piece = Array(bytes[offset..<offset + count])
      decoder.append(piece.span)
      offset += count
      if offset == bytes.count { decoder.finishInput() }
    }
    return result
  }

  private static func words(_ name: String) throws -> [[Substring]] {
    String(decoding: try Fixtures.bytes("gzip/\(name)"), as: UTF8.self)
      .split(separator: "\n").map { $0.split(separator: " ") }
  }

  @Test func everyKindOfBlockAndHeaderIsRead() throws {
    for words in try Self.words("expected.txt") {
      let bytes = try Fixtures.bytes("gzip/\(words[0])")
      let result = try decompress(bytes)
      #expect("\(result.count)" == words[1], "\(words[0])")
      #expect(CRC32.checksum(result) == UInt32(words[2], radix: 16), "\(words[0])")
    }
  }

  @Test func itDoesNotMatterHowTheBytesAreCut() throws {
    for words in try Self.words("expected.txt") {
      let bytes = try Fixtures.bytes("gzip/\(words[0])")
      for count in [1, 2, 7, 100] {
        let result = try decompress(bytes, pieceByteCount: count)
        #expect(CRC32.checksum(result) == UInt32(words[2], radix: 16), "\(words[0]) \(count)")
      }
    }
  }

  /// Blocks that begin at a whole byte, wherever the pieces end: what was read ahead is given back.
  @Test func aFlushedStreamMayBeCutAnywhere() throws {
    let bytes = try Fixtures.bytes("gzip/flushed.gz")
    let expected = try decompress(bytes)
    for count in 1...bytes.count {
      #expect(try decompress(bytes, pieceByteCount: count) == expected, "pieces of \(count)")
    }
  }

  @Test func aMutatedFileIsJudgedAsZlibJudgesIt() throws {
    var files: [String: [UInt8]] = [:]
    for words in try Self.words("mutations.txt") {
      let name = String(words[0])
      if files[name] == nil { files[name] = try Fixtures.bytes("gzip/\(name)") }
      var bytes = files[name] ?? []
      let position = Int(words[2]) ?? 0
      if words[1] == "cut" {
        bytes.removeSubrange(position...)
      } else {
        bytes[position] = UInt8(words[3]) ?? 0
      }
      do throws(GzipFault) {
        let result = try decompress(bytes, pieceByteCount: 500)
        let text = words.joined(separator: " ")
        #expect(words.last != "bad", "\(text)")
        #expect("\(result.count)" == words[words.count - 2], "\(text)")
        #expect(CRC32.checksum(result) == UInt32(words[words.count - 1], radix: 16), "\(text)")
      } catch {
        #expect(words.last == "bad", "\(words.joined(separator: " ")): \(error.message)")
      }
    }
  }

  @Test func noBytesMakeItTrap() throws {
    var random = SeededRandom(seed: 31)
    let names = try Self.words("expected.txt").map { String($0[0]) }
    let files = try names.map { try Fixtures.bytes("gzip/\($0)") }
    var outcomes: Set<String> = []
    for _ in 0..<3_000 {
      var bytes = files[Int.random(in: 0..<files.count, using: &random)]
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let position = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
        default:
          let other = files[Int.random(in: 0..<files.count, using: &random)]
          bytes.replaceSubrange(position..., with: other.suffix(other.count / 2))
        }
        if bytes.isEmpty { bytes = [0] }
      }
      do throws(GzipFault) {
        _ = try decompress(bytes, pieceByteCount: Int.random(in: 1...4_000, using: &random))
        outcomes.insert("sound")
      } catch {
        outcomes.insert("\(error.message)")
      }
    }
    #expect(outcomes.count > 8, "\(outcomes)")
  }

  @Test func randomBytesBehindAHeaderDoNotTrap() {
    var random = SeededRandom(seed: 32)
    for _ in 0..<3_000 {
      var bytes: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
      // Most begin with a dynamic block, where there is most to get wrong.
      bytes.append(UInt8.random(in: 0...255, using: &random) & 0xf8 | 4)
      for _ in 0..<Int.random(in: 0...300, using: &random) {
        bytes.append(UInt8.random(in: 0...255, using: &random))
      }
      do throws(GzipFault) {
        _ = try decompress(bytes)
        Issue.record("random bytes had a checksum that matched")
      } catch {
        continue
      }
    }
  }

  @Test func nothingAtAllIsNothing() throws {
    #expect(try decompress([]) == [])
    #expect(throws: GzipFault.notGzip) { try decompress(Array("cpu v=1\n".utf8)) }
    #expect(throws: GzipFault.truncated) { try decompress([0x1f]) }
  }

  @Test func whatStandsBehindAMemberAndIsNoneIsNamed() throws {
    let member = try Fixtures.bytes("gzip/stored.gz")
    #expect(throws: GzipFault.trailingBytes) { try decompress(member + Array("junk".utf8)) }
    #expect(throws: GzipFault.trailingBytes) { try decompress(member + [0x1f, 0x00]) }
    #expect(try decompress(member + [0, 0]) == (try decompress(member)))
  }

  @Test func theChecksumIsTheOneOfGzip() {
    #expect(CRC32.checksum(Array("123456789".utf8)) == 0xcbf4_3926)
    let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    for cut in [0, 1, 7, 8, 9, 500] {
      let (head, tail) = (Array(bytes[..<cut]), Array(bytes[cut...]))
      let joined = CRC32.checksum(tail.span, continuing: CRC32.checksum(head))
      #expect(joined == CRC32.checksum(bytes))
    }
  }
}
