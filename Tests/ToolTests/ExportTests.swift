import Engine
import Model
import Platform
import TestSupport
import Testing
import Tool

/// Goal: an export says what was sent, in one order, wherever the rows lie.
struct ExportTests {
  static let base = 1_795_000_000_000_000_000

  /// Rows of every type, with odd names, several field sets, late and replaced values.
  static let lines: [String] = [
    "node,server=a1,region=north cpu=12.5,mem=3210i,up=true \(base)",
    "node,server=a1,region=north cpu=0.1,mem=9007199254740993i \(base + 1_000_000_000)",
    "node,server=b\\ 2 cpu=-0.0,note=\"say \\\"hi\\\", \\\\ done\" \(base)",
    "node,server=b\\ 2 big=18446744073709551615u,note=\"two\nlines\" \(base + 5)",
    "node cpu=5e-324,far=1.7976931348623157e308 \(base + 7)",
    "odd\\ name\\,x,k\\=ey=v\\,1 a\\ b=1,c\\=d=f,e=\"\" \(base)",
    "node,server=a1,region=north cpu=99.25 \(base - 60_000_000_000)",
    "node,server=a1,region=north cpu=13.5 \(base)",
  ]

  static let expected = """
    #precision ns
    node cpu=5e-324,far=1.7976931348623157e+308 \(base + 7)
    node,region=north,server=a1 cpu=99.25 \(base - 60_000_000_000)
    node,region=north,server=a1 cpu=13.5,mem=3210i,up=true \(base)
    node,region=north,server=a1 cpu=0.1,mem=9007199254740993i \(base + 1_000_000_000)
    node,server=b\\ 2 cpu=-0.0,note="say \\"hi\\", \\\\ done" \(base)
    node,server=b\\ 2 big=18446744073709551615u,note="two
    lines" \(base + 5)

    #precision ns
    odd\\ name\\,x,k\\=ey=v\\,1 a\\ b=1.0,c\\=d=false,e="" \(base)

    """

  static func filled(partitionCount: Int = 4) throws -> StoredDirectory {
    let directory = try StoredDirectory(partitionCount: partitionCount)
    #expect(try directory.send(lines.map { $0 + "\n" }.joined()).last?.hasSuffix(" 8 0") == true)
    return directory
  }

  @Test func rowsThatOnlyTheLogHoldsAreExported() throws {
    #expect(try Self.filled().export(.line) == Self.expected)
  }

  @Test func aCutChangesNoByte() async throws {
    for partitionCount in [1, 5] {
      let directory = try Self.filled(partitionCount: partitionCount)
      try await directory.cut()
      #expect(try directory.export(.line) == Self.expected)
    }
  }

  @Test func halfInBlocksAndHalfInTheLogIsTheSame() async throws {
    let directory = try StoredDirectory()
    for line in Self.lines {
      try directory.send(line + "\n")
      try await directory.cut()
    }
    #expect(try directory.export(.line) == Self.expected)
    // The same again: duplicates, and one late value that replaces.
    try directory.send(Self.lines.map { $0 + "\n" }.joined())
    #expect(try directory.export(.line) == Self.expected)
  }

  /// Imports what an export has written into a directory of another number of partitions.
  private static func imported(
    _ text: String,
    _ format: ExportFormat
  ) throws -> (StoredDirectory, ImportTally) {
    let directory = try StoredDirectory(partitionCount: 3)
    let file = directory.temporary.file("export")
    try RealDisk().replace(file, with: Array(text.utf8))
    let input = try InputFile(disk: RealDisk(), path: file)
    let tally =
      switch format {
      case .line: try directory.take(LineSource(input))
      case .csv:
        try directory.take(
          CSVSource(
            input,
            mapping: CSVMapping([]),
            measurement: nil,
            precision: .auto,
            skippedLineCount: 0
          )
        )
      case .jsonl:
        try directory.take(
          JSONLinesSource(
            input,
            measurement: nil,
            precision: .auto,
            integersAreFloats: false,
            skippedLineCount: 0
          )
        )
      }
    return (directory, tally)
  }

  @Test(arguments: ExportFormat.allCases)
  func whatWasImportedExportsTheSameBytes(format: ExportFormat) throws {
    let text = try Self.filled().export(format)
    let (second, tally) = try Self.imported(text, format)
    #expect(tally.refusals.isEmpty)
    #expect(tally.accepted == 7)
    #expect(try second.export(format) == text)
    #expect(try second.export(.line) == Self.expected)
  }

  @Test(arguments: ExportFormat.allCases)
  func everyByteOfATextGoesThereAndBack(format: ExportFormat) throws {
    let texts = ["a\r\nb", "\r\n", "\r", "a\r", "\n\r\r\n", " , \r\n\t", "\u{1}\u{7f}é\u{2028}"]
    let first = try StoredDirectory()
    for (row, text) in texts.enumerated() {
      try first.send("m,h=a s=\"\(text)\",z=\"\(text)\" \(Self.base + row)\n")
    }
    let text = try first.export(format)
    let (second, tally) = try Self.imported(text, format)
    #expect(tally.accepted == texts.count)
    // Line feeds and returns together are one character, so bytes are compared.
    #expect(Array(try second.export(format).utf8) == Array(text.utf8))
    let lines = Array(try second.export(.line).utf8)
    #expect(lines == Array(try first.export(.line).utf8))
    for text in texts { #expect(lines.firstRange(of: Array("s=\"\(text)\"".utf8)) != nil) }
  }

  /// A row that came in two lines, each nearly as long as one may be, and whose strings hold lines
  /// that would be rows.
  @Test(arguments: ExportFormat.allCases)
  func aRowThatIsTooLongForALineGoesThereAndBack(format: ExportFormat) throws {
    let long = "x\nevil v=1 1600000000\n" + String(repeating: "y", count: 700_000)
    let first = try StoredDirectory()
    try first.send("m,h=a s=\"\(long)\" \(Self.base)\n")
    try first.send("m,h=a t=\"\(long)\",v=1 \(Self.base)\nm,h=a v=2 \(Self.base + 1)\n")
    let text = try first.export(format)
    let (second, tally) = try Self.imported(text, format)
    #expect(tally.rejected == 0)
    #expect(tally.refusals.isEmpty)
    #expect(try second.export(format) == text)
    #expect(try second.export(.csv) == first.export(.csv))
  }

  @Test func csvNamesItsColumnsAndTellsEmptyFromNothing() throws {
    let text = try Self.filled().export(
      .csv,
      matching: [#"{"k=ey"="v,1"}"#, #"node{server="b 2"}"#]
    )
    #expect(
      text == """
        measurement,time,tag:server,field:big:unsigned,field:cpu:float,field:note:string
        node,2026-11-18T11:06:40Z,b 2,,-0.0,"say ""hi"", \\ done"
        node,2026-11-18T11:06:40.000000005Z,b 2,18446744073709551615,,"two
        lines"

        measurement,time,tag:k=ey,field:a b:float,field:c=d:boolean,field:e:string
        "odd name,x",2026-11-18T11:06:40Z,"v,1",1.0,false,""

        """
    )
  }

  @Test func jsonLinesNameTheTypesThatNumbersDoNotTell() throws {
    let text = try Self.filled().export(.jsonl, matching: ["node{server=~\"b.*\"}:big,cpu"])
    #expect(
      text == """
        {"measurement":"node","tags":{"server":"b 2"},"time":"2026-11-18T11:06:40Z",\
        "fields":{"cpu":-0.0}}
        {"measurement":"node","tags":{"server":"b 2"},"time":"2026-11-18T11:06:40.000000005Z",\
        "fields":{"big":18446744073709551615},"types":{"big":"unsigned"}}

        """
    )
  }

  @Test func aRangeTakesItsStartAndNotItsEnd() throws {
    let directory = try Self.filled()
    let start = Timestamp(Self.base)
    let range = TimeRange(start: start, end: start + 5)
    let lines = try directory.export(.line, matching: ["node:cpu"], in: range)
      .split(separator: "\n")
    #expect(
      lines.dropFirst().map(String.init) == [
        "node,region=north,server=a1 cpu=13.5 \(Self.base)",
        "node,server=b\\ 2 cpu=-0.0 \(Self.base)",
      ]
    )
    // A header tells of the rows that are there, not of the directory.
    let empty = TimeRange(start: start + 100, end: start + 200)
    #expect(try directory.export(.csv, in: empty).isEmpty)
  }

  @Test func aFileGetsItsNameWhenItIsWhole() throws {
    let directory = try Self.filled()
    let out = directory.temporary.file("out")
    let snapshot = try DirectorySnapshot(disk: RealDisk(), path: directory.path)
    var run = ExportRun(
      snapshot,
      tenant: .default,
      range: TimeRange(start: 0, end: .max),
      matches: [],
      format: .csv
    )
    var target = try FolderTarget(disk: RealDisk(), directory: out, suffix: ".csv")
    try run.run(into: &target)
    #expect(try RealDisk().list(out) == ["node.csv", "odd%20name%2Cx.csv"])
    #expect(run.summary.rowCount == 7)
    #expect(run.summary.seriesCount == 4)
    try target.begin(Array("half".utf8))
    try target.write(Array("x".utf8))
    #expect(try RealDisk().list(out).contains("half.csv.tmp"))
    target.abandon()
    #expect(try RealDisk().list(out).count == 2)
  }

  @Test func manySmallPiecesAreTheSameAsOne() async throws {
    let directory = try StoredDirectory(partitionCount: 1)
    var random = SeededRandom(seed: 7)
    var expected: [(time: Int, line: String)] = []
    // Wide rows, so that a series takes several pieces; in shuffled order, cut in between.
    let fields = (0..<300).map { "f\($0 + 100)=\($0).5" }.joined(separator: ",")
    for row in 0..<2_400 {
      let line = "wide,s=a \(fields) \(Self.base + row * 1_000)"
      expected.append((Self.base + row * 1_000, line))
    }
    var shuffled = expected
    for index in shuffled.indices.reversed() {
      shuffled.swapAt(index, Int(random.next() % UInt64(index + 1)))
    }
    for start in stride(from: 0, to: 2_400, by: 600) {
      let text = shuffled[start..<start + 600].map { $0.line + "\n" }.joined()
      #expect(try directory.send(text).last?.hasSuffix(" 600 0") == true)
      if start % 1_200 == 0 { try await directory.cut() }
    }
    let lines = try directory.export(.line).split(separator: "\n").dropFirst()
    // Compared before, for what differs would be megabytes of a report.
    let isSame = lines.map(String.init) == expected.map(\.line)
    #expect(isSame)
  }
}
