import LineProtocol
import Model
import TestSupport
import Testing

/// Goal: the parser does what the plain one does, whatever comes, in whatever pieces. Method: a
/// document of every oddity cut at every place, then seeded documents, mutated and cut at random.
@Suite struct ReferenceTests {
  /// Every rule once: escapes, strings with line feeds, refusals of each kind, control words.
  static let tricky = #"""
    cpu,host=a,dc=fra usage=1.5,idle=98i,up=t 1700000000000000000
    cpu,host=a,dc=fra usage=2.25,idle=97i,up=f 1700000001000000000
    cpu,host=b,dc=fra usage=-0.0,idle=-5i,up=True 1700000001
    # a comment with "a quote
      # another one
    m\ 1,t\,1=a\=b\ c f\ 1=1,f\=2="x\"y\\z\w" 1700000000001
    two,t=1 s="first
    second
      third",n=1u 1700000002000000
    bad s="open" n=1
    late,host=a x=1 -5
    future,host=a x=1 1900000000
    cpu,host=a,dc=fra usage=3,idle=1.5,up=f 1700000002000000000
    cpu,host=a,dc=fra idle=1i,usage=5i,up=f,usage=7 1700000003000000000
    now,host=a x=1
    now,host=a x=2
    now,host=a x=3,y=4
    #precision ms
    cpu,host=a,dc=fra usage=1.125,idle=98i,up=t 1700000000000
    #precision fortnight
    #ack first
    ,host=a x=1
    m,t= x=1
    m,t=1,t=2 x=1
    m x=
    m x=1,
    m x=nan
    m x=1e400
    m x=9223372036854775808i
    m =1
    m
    #precision auto
    #tenant other
    cpu,host=a usage=10i 1700000000
    cpu,host=a usage=1 1700000000
    open,t=1 s="never closed
    cpu,host=a usage=11i 1700000001
    #ack second.2_-
    cpu,host=a usage=12i 1700000002
    last,t=1 x=123456789012345678901234567890,y=1e-5,z=.5,w=1.
    """# + "\n\r\n  \r\ncpu,host=a usage=13i 1700000003\r\n\ncut,t=1 x=1"

  private func check(
    _ document: [UInt8],
    cuts: [Int] = [],
    endsLine: Bool = false,
    lineByteCountMax: Int = Limits.lineByteCountDefault,
    expected: Outcome? = nil,
    _ note: String
  ) {
    let options = LineParserOptions(lineByteCountMax: lineByteCountMax, hashSeed: 7)
    let found = Harness.parse(document, cuts: cuts, endsLine: endsLine, options: options)
    let expected =
      expected
      ?? ReferenceParser.parse(document, endsLine: endsLine, lineByteCountMax: lineByteCountMax)
    guard found != expected else { return }
    var text = note
    for (row, other) in zip(found.storedRows, expected.storedRows) where row != other {
      text += "\nfound    \(row)\nexpected \(other)"
      break
    }
    text += "\nrows \(found.storedRows.count) of \(expected.storedRows.count)"
    text += "\nfound    \(found.verdicts) \(found.events)"
    text += "\nexpected \(expected.verdicts) \(expected.events)"
    text += "\n\(found.accepted) \(found.rejected), \(expected.accepted) \(expected.rejected)"
    Issue.record(Comment(rawValue: text))
  }

  @Test func trickyDocumentGivesWhatThePlainParserGives() {
    let document = Array(Self.tricky.utf8)
    check(document, "whole")
    check(document, endsLine: true, "whole, its end ends the line")
    check(Array((Self.tricky + "\n").utf8), "whole and ended")
  }

  @Test func trickyDocumentMayBeCutAnywhere() {
    let document = Array(Self.tricky.utf8)
    let expected = ReferenceParser.parse(document)
    for cut in 0...document.count {
      check(document, cuts: [cut], expected: expected, "cut at \(cut)")
    }
    check(document, cuts: Array(0..<document.count), expected: expected, "byte by byte")
  }

  @Test(arguments: UInt64(1)...20)
  func trickyDocumentMayBeCutAtRandom(seed: UInt64) {
    let document = Array((Self.tricky + "\n" + Self.tricky).utf8)
    var random = SeededRandom(seed: seed)
    let cuts = (0..<Int.random(in: 2...40, using: &random)).map { _ in
      Int.random(in: 0...document.count, using: &random)
    }
    check(document, cuts: cuts.sorted(), "seed \(seed)")
  }

  @Test(arguments: UInt64(1)...100)
  func seededDocumentsGiveWhatThePlainParserGives(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var documents = DocumentGenerator(seed: seed)
    let document = documents.document(lineCount: 120)
    let cuts = (0..<Int.random(in: 0...6, using: &random)).map { _ in
      Int.random(in: 0...document.count, using: &random)
    }
    check(document, cuts: cuts.sorted(), endsLine: random.oneIn(2), "seed \(seed)")
  }

  @Test(arguments: UInt64(1)...160)
  func mutatedDocumentsGiveWhatThePlainParserGives(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var documents = DocumentGenerator(seed: seed &+ 5_000)
    var document = documents.document(lineCount: 40)
    documents.mutate(&document, count: Int.random(in: 1...40, using: &random))
    let cuts = (0..<Int.random(in: 0...6, using: &random)).map { _ in
      Int.random(in: 0...document.count, using: &random)
    }
    check(document, cuts: cuts.sorted(), endsLine: random.oneIn(2), "seed \(seed)")
  }

  @Test(arguments: UInt64(1)...100)
  func shortLineLimitsGiveWhatThePlainParserGives(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var documents = DocumentGenerator(seed: seed &+ 9_000)
    documents.longStrings = true
    var document = documents.document(lineCount: 60)
    documents.mutate(&document, count: 20)
    let cuts = (0..<Int.random(in: 0...20, using: &random)).map { _ in
      Int.random(in: 0...document.count, using: &random)
    }
    check(document, cuts: cuts.sorted(), lineByteCountMax: 1_024, "seed \(seed)")
  }

  @Test func zerosBehindABooleanAreNoPartOfIt() {
    let values = ["F\0", "t\0\0", "true\0", "\0t", "f", "T"]
    let lines = values.enumerated().map { "m f=\($1) \(1_700_000_000 + $0)\n" }
    check(Array(lines.joined().utf8), "zeros")
    // Again, with a line before that the next ones are predicted from.
    check(Array(("m f=t 1700000000\n" + lines.joined()).utf8), "zeros behind a known line")
  }

  @Test(arguments: UInt64(1)...100)
  func binaryGarbageNeverTraps(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var document = random.bytes(4_096)
    // Enough of the bytes that mean something.
    for index in document.indices where random.oneIn(3) {
      document[index] = Array(" ,=\\\"\n#a1".utf8).randomElement(using: &random) ?? 0
    }
    check(document, cuts: [1, 700, 701, 3_000], "seed \(seed)")
  }
}
