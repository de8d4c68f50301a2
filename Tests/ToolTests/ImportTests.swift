import Model
import Platform
import TestSupport
import Testing
import Tool

/// Goal: what stands in a file arrives, and what is refused is told with its place in the file.
struct ImportTests {
  private static func input(_ text: String, in directory: TemporaryDirectory) throws -> InputFile {
    let path = directory.file("input")
    try RealDisk().replace(path, with: Array(text.utf8))
    return try InputFile(disk: RealDisk(), path: path)
  }

  /// "m v=1 1000000000\n", "m v=2 1000000001\n" as two members, as `gzip` makes them.
  private static let members: [UInt8] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x55,
    0x28, 0xb3, 0x35, 0x54, 0x30, 0x34, 0x80, 0x01, 0x2e, 0x00, 0xd1, 0xf6,
    0xdf, 0x89, 0x11, 0x00, 0x00, 0x00, 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x02, 0x03, 0xcb, 0x55, 0x28, 0xb3, 0x35, 0x52, 0x30, 0x34,
    0x80, 0x02, 0x43, 0x2e, 0x00, 0x5e, 0xab, 0x0e, 0x2d, 0x11, 0x00, 0x00,
    0x00,
  ]

  @Test func gzipFilesAreDecompressed() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("lines.lp.gz")
    try RealDisk().replace(path, with: Self.members)
    var source = LineSource(try InputFile(disk: RealDisk(), path: path))
    var text: [UInt8] = []
    while let piece = try source.next() { text += piece.bytes }
    #expect(String(decoding: text, as: UTF8.self) == "m v=1 1000000000\nm v=2 1000000001\n")
    #expect(source.position == Self.members.count)
    try RealDisk().replace(path, with: Array(Self.members.dropLast(3)))
    var cut = LineSource(try InputFile(disk: RealDisk(), path: path))
    #expect { while try cut.next() != nil {} } throws: {
      "\($0)".contains("the gzip data ends too early")
    }
  }

  private static func csv(
    _ text: String,
    in directory: TemporaryDirectory,
    map: [String] = [],
    measurement: String? = nil,
    skipping count: Int = 0
  ) throws -> CSVSource {
    CSVSource(
      try input(text, in: directory),
      mapping: try CSVMapping(map),
      measurement: measurement,
      precision: .auto,
      skippedLineCount: count
    )
  }

  private static func json(_ text: String, in directory: TemporaryDirectory) throws -> ImportPiece {
    var source = JSONLinesSource(
      try input(text, in: directory),
      measurement: "m",
      precision: .s,
      integersAreFloats: false,
      skippedLineCount: 0
    )
    let piece = try source.next()
    return try #require(piece)
  }

  private static func text(_ piece: ImportPiece) -> String {
    String(decoding: piece.bytes, as: UTF8.self)
  }

  // MARK: Strings that hold lines

  /// What a parser would take for a string that nobody closed, and the rest of it for rows.
  @Test func aStringIsNoRowWhateverItHolds() throws {
    let temporary = try TemporaryDirectory()
    let long = String(repeating: "y", count: 1_100_000)
    for text in ["n\n#ack b\n#tenant foo\nmore", "n\nevil v=1 1600000000\n\(long)"] {
      let quoted = text.split(separator: "\n", omittingEmptySubsequences: false)
        .joined(separator: "\\n")
      let piece = try Self.json(
        #"""
        {"fields":{"s":"before"},"time":1}
        {"fields":{"s":"\#(quoted)"},"time":2}
        {"fields":{"s":"after"},"time":3}

        """#,
        in: temporary
      )
      #expect(piece.refusals.map(\.line) == [2])
      #expect(piece.refusals[0].reason.hasPrefix("a string of several lines has no spelling"))
      #expect(piece.lineFeedCount == 2)
      var source = try Self.csv(
        "measurement,time,field:s:string\nm,1,before\nm,2,\"\(text)\"\nm,3,after\n",
        in: temporary
      )
      let rows = try #require(try source.next())
      #expect(rows.refusedCount == 1)
      #expect(rows.lineFeedCount == 2)
      #expect(!Self.text(rows).contains("foo") && !Self.text(rows).contains("evil"))
    }
  }

  // MARK: Line protocol

  @Test func aPieceNeverEndsInAString() {
    let line = "m f=\"" + String(repeating: "x\n", count: 50) + "\" 1\n"
    let bytes = Array(String(repeating: line, count: 10).utf8)
    var cutter = LineCutter()
    let end = cutter.end(in: bytes, isAtEnd: false, pieceByteCount: line.utf8.count + 7)
    #expect(end == 2 * line.utf8.count)
  }

  @Test func quotesThatOpenNothingDoNotMislead() {
    for line in ["# a \" quote\n", "m,t=\"a f=1\n", "m\\ \"x f=1\n", "m f=\"a\\\"b\" 1\n", "\n"] {
      let bytes = Array((line + line).utf8)
      var cutter = LineCutter()
      #expect(
        cutter.end(in: bytes, isAtEnd: false, pieceByteCount: 1) == line.utf8.count,
        "\(line)"
      )
    }
  }

  @Test func aStringThatIsNeverClosedCostsItsLine() throws {
    let directory = try StoredDirectory()
    let good = (0..<40_000).map { "m f=\($0) \(ExportTests.base + $0)\n" }.joined()
    let text = "m g=\"open \(ExportTests.base)\n" + good
    let tally = try directory.take(LineSource(Self.input(text, in: directory.temporary)))
    #expect(tally.accepted == 40_000)
    #expect(tally.rejected == 1)
    #expect(tally.refusals.map(\.line) == [1])
  }

  @Test func refusedLinesAreToldWithTheirPlaceInTheFile() throws {
    let directory = try StoredDirectory()
    var lines = (0..<20_000).map { "m f=\($0) \(ExportTests.base + $0)" }
    lines[7] = "m f= 1"
    lines[15_000] = "m,t= f=1"
    lines[19_999] = "no fields"
    let text = lines.joined(separator: "\n")
    let tally = try directory.take(LineSource(Self.input(text, in: directory.temporary)))
    #expect(tally.accepted == 19_997)
    #expect(tally.rejected == 3)
    #expect(tally.refusals.map(\.line) == [8, 15_001, 20_000])
    #expect(tally.doneLine == 20_000)
  }

  @Test func skippedLinesAreLeftOutAndTheirControlWordsAreNot() throws {
    let directory = try TemporaryDirectory()
    let text = "#precision s\nm f=1 1\n# note\nm f=2 2\nm f=3 3\n"
    var source = LineSource(try Self.input(text, in: directory), skippedLineCount: 4)
    let piece = try #require(try source.next())
    #expect(Self.text(piece) == "#precision s\nm f=3 3\n")
    #expect(
      piece.marks == [
        .init(lineFeedCount: 0, fileLine: 1), .init(lineFeedCount: 1, fileLine: 5),
      ]
    )
    #expect(try source.next() == nil)
  }

  // MARK: CSV

  @Test func aMappingSaysWhatColumnsAre() throws {
    let directory = try TemporaryDirectory()
    let text = "\u{feff}series,timestamp_ns,value,junk\r\nnab.a,1392388200000000000,0.132,x\r\n"
    var source = try Self.csv(
      text,
      in: directory,
      map: ["series=tag:series,timestamp_ns=time:ns", "value=field:value,junk=-"],
      measurement: "corpus"
    )
    let piece = try #require(try source.next())
    #expect(Self.text(piece) == "corpus,series=nab.a value=0.132 1392388200000000000\n")
  }

  @Test func cellsOfAllKinds() throws {
    let directory = try TemporaryDirectory()
    let text = """
      measurement,time,tag:a,field:f:float,field:i:integer,field:s:string,field:x
      "m,1",2026-11-18T11:06:40+01:00,"q""x",1e3,-5,"two
      lines",true
      m,1795000000,,,,"",
      m,1795000000,,abc,,,
      m,2026-11-18 11:06:40,,1,,,
      m,1795000000,,NaN,,,
      m,1
      m,1795000000,,,,,
      m,1795000000,,,,x"y,7.25
      """
    var source = try Self.csv(text, in: directory)
    let piece = try #require(try source.next())
    #expect(
      Self.text(piece) == """
        m\\,1,a=q"x f=1e3,i=-5i,s="two
        lines",x=true 1794996400000000000
        m s="" 1795000000000000000
        m s="x\\"y",x=7.25 1795000000000000000

        """
    )
    #expect(piece.marks.map(\.fileLine) == [2, 4, 10])
    #expect(piece.marks.map(\.lineFeedCount) == [0, 2, 3])
    #expect(piece.refusals.map(\.line) == [5, 6, 7, 8, 9])
    #expect(piece.refusals.map(\.reason).contains { $0.contains("has no zone; write") })
    #expect(piece.refusedCount == 5)
  }

  /// What ends lines of the file is text where it stands in quotes.
  @Test func lineEndsInQuotesStayAsTheyAre() throws {
    let directory = try TemporaryDirectory()
    let text =
      "measurement,time,field:s,field:u\r\n"
      + "m,1795000000,\"a\r\nb\nc\rd\r\",x\r\nm,1795000001,\"\r\n\",\"\n\r\r\n\"\r\n"
    var source = try Self.csv(text, in: directory)
    let piece = try #require(try source.next())
    #expect(piece.refusedCount == 0)
    #expect(
      Self.text(piece)
        == "m s=\"a\r\nb\nc\rd\r\",u=\"x\" 1795000000000000000\n"
        + "m s=\"\r\n\",u=\"\n\r\r\n\" 1795000001000000000\n"
    )
  }

  @Test(arguments: [
    "a,b\n1,2\n", "time,field:f\n1,2\n", "measurement,time\nm,1\n", "measurement,field:\nm,1\n",
    "measurement,\"field:f\n",
  ])
  func aHeaderThatSaysTooLittleIsRefused(text: String) throws {
    let directory = try TemporaryDirectory()
    #expect(throws: ImportFault.self) {
      var source = try Self.csv(text, in: directory)
      _ = try source.next()
    }
  }

  @Test(arguments: ["x", "=tag:a", "a=b", "a=tag:", "a=field:", "a=time:min"])
  func aMappingThatSaysNothingIsRefused(text: String) {
    #expect(throws: CSVMapping.Fault.self) { try CSVMapping([text]) }
  }

  // MARK: JSON lines

  @Test func objectsBecomeLines() throws {
    let directory = try TemporaryDirectory()
    let piece = try Self.json(
      #"""
      {"measurement":"a b","tags":{"z":"1","b":2},"time":1795000000,"fields":{"f":1.0,"i":3}}

      {"time":"2026-11-18T11:06:40.5Z","fields":{"s":"x\n\"y\"","t":true}}
      {"fields":{"u":"18446744073709551615","g":5},"types":{"u":"unsigned","g":"float"}}
      {"fields":{}}
      {"fields":{"a":[1]}}
      nonsense
      {"time":1795000000,"fields":{"a":"NaN"},"types":{"a":"float"}}
      """#,
      in: directory
    )
    #expect(
      Self.text(piece) == """
        a\\ b,b=2,z=1 f=1.0,i=3i 1795000000000000000
        m s="x
        \\"y\\"",t=true 1795000000500000000
        m u=18446744073709551615u,g=5

        """
    )
    #expect(piece.marks.map(\.fileLine) == [1, 3, 4])
    #expect(piece.refusals.map(\.line) == [5, 6, 7, 8])
  }

  // MARK: Verdicts

  @Test func aFailureStopsAndTellsHowToGoOn() {
    var tally = ImportTally()
    var piece = ImportPiece()
    piece.file = "a.lp"
    piece.bytes = Array("m f=1\nm f=2\n".utf8)
    piece.lineFeedCount = 2
    piece.marks = [.init(lineFeedCount: 0, fileLine: 11)]
    piece.lastFileLine = 12
    #expect(tally.send(piece) == Array("#ack import-1\n".utf8))
    piece.marks = [.init(lineFeedCount: 0, fileLine: 13)]
    piece.lastFileLine = 14
    _ = tally.send(piece)
    tally.take(Array("OK import-1 2 0".utf8))
    tally.take(Array("ERR 5 3 expected a value".utf8))
    let refusal = ImportRefusal(file: "a.lp", line: 14, column: 3, reason: "expected a value")
    #expect(tally.refusals == [refusal])
    #expect(tally.failure == nil)
    tally.take(Array("FAIL import-2 no space left".utf8))
    #expect(tally.failure == "FAIL import-2 no space left")
    #expect(tally.isWaiting)
    let report = ImportReport(tally, failure: tally.failure, seconds: 1).rendered(asJSON: false)
    #expect(report.contains("--skip-lines 12 and a.lp as the first file"))
  }
}
