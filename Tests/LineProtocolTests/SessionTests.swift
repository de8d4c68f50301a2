import LineProtocol
import Model
import TestSupport
import Testing

/// Goal: sessions, events, counts and bounds are what clients are told. Method: short documents.
@Suite struct SessionTests {
  private func line(_ rows: Int) -> String {
    (0..<rows).map { "m,host=h\($0 % 10) f=\($0) \(1_700_000_000 + $0)\n" }.joined()
  }

  @Test func anAcknowledgementComesBehindEverythingBeforeIt() {
    var harness = Harness()
    let text = Array("m f=1 1\nm f= 1\nm f=2 2\n#ack a-1\nm f=3 3\n".utf8)
    let taken = unsafe text.withUnsafeBytes { bytes in
      unsafe harness.parser.parse(bytes, session: harness.session, arrival: harness.arrival)
    }
    #expect(taken.event == .acknowledge(id: "a-1"))
    #expect(taken.consumed == text.count - "m f=3 3\n".utf8.count)
    #expect(harness.session.accepted == 2)
    #expect(harness.session.rejected == 1)
    #expect(harness.session.usesAcknowledgements)
    harness.parser.closeBatches(arrival: harness.arrival)
    let batches = harness.parser.takeSealed()
    #expect(harness.catalog.rows(of: batches).count == 2)
    #expect(batches.last?.header.kind == .refusals)
  }

  @Test func refusalsRideInTheLogByTenantMeasurementAndReason() {
    var harness = Harness()
    harness.catalog.seriesMax = 1
    harness.send(
      "m a=1,b=2i 1\nm a=t,b=2i 1\nm a=t,b=2i 1\nm a=1,b=2i -1\nm a=1,b=\nnew a=1,b=2,c=3\n"
    )
    harness.send("m a=1,b=2i 2000000000000000000\n#tenant t\nx\n")
    harness.finish()
    let refusals = harness.batches.filter { $0.header.kind == .refusals }
    #expect(refusals.map(\.header.tenant) == [TenantID(0), TenantID(1)])
    let counts = refusals.map { RefusalCodec.decode($0) ?? [] }
    let m = MeasurementID(0)
    let new = MeasurementID(1)
    #expect(
      Set(counts[0]) == [
        RefusalCount(measurement: m, reason: .unparsable, lines: 1, points: 0),
        RefusalCount(measurement: m, reason: .typeConflict, lines: 2, points: 4),
        RefusalCount(measurement: m, reason: .beforeEpoch, lines: 1, points: 2),
        RefusalCount(measurement: m, reason: .future, lines: 1, points: 2),
        RefusalCount(measurement: new, reason: .seriesLimit, lines: 1, points: 3),
      ]
    )
    #expect(counts[1] == [RefusalCount(measurement: nil, reason: .unparsable, lines: 1, points: 0)])
    #expect(harness.session.statistics.linesRejected == 7)
    #expect(harness.session.statistics.rowsAccepted == 1)
    #expect(harness.session.statistics.pointsAccepted == 2)
  }

  @Test func aTypeConflictNamesBothTypes() {
    var harness = Harness()
    harness.send("m f=1,i=1i 1\nm f=9007199254740993i,i=1i 1\nm f=1,i=1.5 2\nm f=\"x\",i=1u 2\n")
    harness.finish()
    #expect(
      harness.verdicts.map(\.message) == [
        "field 'f' is of type float, the value of type integer, and no float equals this number",
        "field 'i' is of type integer, the value of type float",
        "field 'f' is of type float, the value of type string",
      ]
    )
    #expect(harness.verdicts.map(\.column) == [5, 9, 5])
    #expect(harness.verdicts.first?.text == Array("m f=9007199254740993i,i=1i 1".utf8))
  }

  /// Goal: the quick path for rows of a known shape refuses what the careful one refuses.
  @Test func aNegativeUnsignedIsRefusedBehindRowsOfItsShape() {
    var harness = Harness()
    harness.send("m u=1u 1\nm u=2u 2\nm u=-1u 3\nm u=-0u 4\nm u=3u 5\n")
    harness.finish()
    #expect(harness.verdicts.map(\.column) == [5, 5])
    #expect(harness.session.statistics.linesRejected == 2)
    #expect(harness.session.statistics.rowsAccepted == 3)
  }

  @Test func rowsWithoutTimestampGetDistinctOnes() {
    var harness = Harness()
    // Two spellings of one series; another series beside it.
    harness.send("m,a=1,b=2 f=1\nm,b=2,a=1 f=2\nm,a=1,b=2 f=3\nn f=1\n")
    harness.arrival += 1
    harness.send("m,a=1,b=2 g=4\nm,a=1,b=2 f=5\n")
    harness.arrival += 1_000
    harness.send("m,a=1,b=2 f=6\n")
    harness.finish()
    let start = Harness.arrival
    #expect(
      harness.outcome.rows["m,a=1,b=2"]?.map { $0.timestamp - start } == [0, 1, 2, 3, 4, 1_001]
    )
    #expect(harness.outcome.rows["n"]?.map(\.timestamp) == [start])
  }

  @Test func forgettingAllKeysKeepsStampsDistinct() {
    var options = LineParserOptions(hashSeed: 3)
    options.keyByteCountMax = 40_000
    var harness = Harness(options: options)
    for round in 0..<3 {
      for host in 0..<1_000 { harness.send("m,host=h\(host) f=\(round)\n") }
    }
    harness.finish()
    #expect(harness.outcome.accepted == 3_000)
    // Forgotten and asked for again, and again.
    #expect(harness.catalog.resolveCount > 2_000)
    for rows in harness.outcome.rows.values {
      #expect(Set(rows.map(\.timestamp)).count == 3)
      #expect(rows.map { $0.fields[[0x66]] } == [StoredValue(0), StoredValue(1), StoredValue(2)])
    }
  }

  @Test func forgettingAllShapesChangesNothing() {
    var options = LineParserOptions(hashSeed: 3)
    options.shapeByteCountMax = 20_000
    var harness = Harness(options: options)
    for round in 0..<3 {
      for field in 0..<100 { harness.send("m field_\(field)=\(round).25,other=1i \(round + 1)\n") }
    }
    harness.finish()
    #expect(harness.outcome.storedRows.count == 300)
    #expect(harness.outcome.verdicts.isEmpty)
  }

  @Test func knownRowsAskTheResolverNothing() {
    var harness = Harness()
    harness.send(line(10))
    let asked = harness.catalog.resolveCount
    for _ in 0..<20 { harness.send(line(10)) }
    // The fields in another order are no news either.
    harness.send("m,host=h0 f=1,g=2 1\nm,host=h0 g=2,f=1 1\nm,host=h0 f=3,g=2,f=1 1\n")
    harness.finish()
    #expect(asked == 10)
    #expect(harness.catalog.resolveCount == 11)
    #expect(harness.outcome.rows["m,host=h0"]?.suffix(3).map { $0.fields.count } == [2, 2, 2])
  }

  @Test func batchesCloseAt64KilobytesOrLargerForOneRow() {
    var harness = Harness()
    harness.send(line(200_000))
    let large = String(repeating: "x", count: 200_000)
    harness.send("big s=\"\(large)\" 1\nbig s=\"\(large)\" 2\n")
    harness.finish()
    #expect(harness.outcome.storedRows.count == 200_002)
    let sizes = harness.batches.map(\.bodyByteCount)
    #expect(sizes.filter { $0 > 64 << 10 }.count == 2)
    #expect(sizes.contains { $0 > 60 << 10 && $0 <= 64 << 10 })
    #expect(harness.batches.allSatisfy { $0.header.registryVersion <= harness.catalog.version })
    #expect(harness.batches.last?.header.registryVersion == harness.catalog.version)
  }

  @Test func theOldestOpenRowTellsWhenToClose() {
    var harness = Harness()
    #expect(harness.parser.oldestOpenRow == nil)
    harness.send("m f=1\n")
    harness.arrival += 5
    harness.send("m f=1\nm f=\n")
    #expect(harness.parser.oldestOpenRow == Harness.arrival)
    harness.close()
    #expect(harness.parser.oldestOpenRow == nil)
    harness.send("m f=\n")
    #expect(harness.parser.oldestOpenRow == Harness.arrival + 5)
  }

  @Test func scaleTablesGrowFromTheNextBatchOn() {
    var harness = Harness()
    harness.send("m f=1.5 1\nm f=1.25 2\nm f=1.25 3\n")
    harness.close()
    harness.send("m f=1.25 4\nm f=2.125 5\n")
    harness.close()
    harness.send("m f=2.125 6\n")
    harness.finish()
    #expect(harness.catalog.scaleTables == [[], [1], [2], [3]])
    #expect(harness.batches.map(\.bodyByteCount) == [20 + 27 + 27, 20 + 27, 21])
  }

  @Test func anOutlierDoesNotSpoilAColumnForEver() {
    var harness = Harness()
    harness.send("m f=0.000000001 1\n")
    for second in 0..<300 { harness.send("m f=\(1_000 + second).5 \(second + 2)\n") }
    harness.close()
    let before = harness.batches.reduce(0) { $0 + $1.bodyByteCount }
    for second in 0..<300 { harness.send("m f=\(1_000 + second).5 \(second + 400)\n") }
    harness.finish()
    let after = harness.batches.reduce(0) { $0 + $1.bodyByteCount } - before
    // A row whose value fits two bytes takes 17, one with an exception 27.
    #expect(before > after)
    #expect(after < 300 * 18)
  }

  @Test func withoutScaleTablesEverythingRidesAsItIs() {
    var harness = Harness()
    harness.catalog.scaleTablesMax = 1
    for second in 1...4 {
      harness.send("m f=1.5,g=2 \(second)\n")
      harness.close()
    }
    harness.finish()
    #expect(harness.outcome.storedRows.allSatisfy { $0.fields[[0x66]] == StoredValue(1.5) })
    #expect(harness.outcome.storedRows.count == 4)
  }

  @Test func verdictsAreBoundedButNeverLostToWhoeverTakesThem() {
    var options = LineParserOptions(hashSeed: 1)
    options.verdictsMax = 10
    options.verdictByteCountMax = 1_000
    var harness = Harness(options: options)
    let bad = "bad,host=" + String(repeating: "x", count: 500) + "\n"
    harness.send(String(repeating: bad, count: 105))
    harness.finish()
    #expect(harness.verdicts.count == 105)
    #expect(harness.verdicts.map(\.line) == Array(1...105))
    #expect(harness.verdicts.prefix(10).reduce(0) { $0 + $1.text.count } <= 1_000 + 10 * 64)
    #expect(harness.session.unlistedVerdictCount == 0)

    // Nobody takes them: the oldest stay.
    var careless = LineParser(options: options, partitionCount: 1, resolver: TestCatalog())
    let session = LineSession(tenant: .default)
    var rest = Array(String(repeating: bad, count: 105).utf8)
    while !rest.isEmpty {
      let consumed = unsafe rest.withUnsafeBytes {
        unsafe careless.parse($0, session: session, arrival: 0).consumed
      }
      rest.removeFirst(consumed)
    }
    #expect(session.verdicts.map(\.line) == Array(1...10))
    #expect(session.unlistedVerdictCount == 95)
    #expect(session.rejected == 105)
  }

  @Test func aSessionHoldsNoMoreThanALine() {
    var harness = Harness()
    let limit = harness.options.lineByteCountMax
    harness.send("m,host=a f=1 1\nm,host=")
    #expect(harness.session.isInsideLine)
    for _ in 0..<64 { harness.send(String(repeating: "x", count: 64 << 10)) }
    #expect(harness.session.isInsideLine)
    #expect(harness.verdicts.map(\.reason) == [.tooLong])
    #expect(harness.verdicts.first?.column == limit + 1)
    harness.send(" f=1 1\nm,host=a f=2 2\n")
    harness.finish()
    #expect(!harness.session.isInsideLine)
    #expect(harness.outcome.accepted == 2)
    #expect(harness.outcome.rejected == 1)
    #expect(harness.session.lineNumber == 3)
  }

  @Test func unendedLinesOfAllSessionsTogetherAreBounded() {
    let options = LineParserOptions(carriedByteCountMax: 1 << 20, hashSeed: 1)
    var harness = Harness(options: options)
    let own = harness.session
    let piece = Array(String(repeating: "x", count: 400 << 10).utf8)
    let short = Array("m,host=s f=1".utf8)
    let sessions = (0..<6).map { _ in LineSession(tenant: .default) }
    for session in sessions {
      harness.session = session
      harness.send("m s=\"")
      harness.send(piece)
    }
    // The third one reached the bound: those behind it had to end within what is always allowed.
    #expect(sessions.map(\.isInsideLine) == Array(repeating: true, count: 6))
    #expect(sessions.map(\.rejected) == [0, 0, 0, 1, 1, 1])
    #expect(harness.verdicts.map(\.reason) == [.tooLong, .tooLong, .tooLong])
    #expect(harness.verdicts.map(\.column) == Array(repeating: 65_537, count: 3))
    // Others go on, long lines that come at once too.
    harness.session = own
    harness.send(short)
    harness.send(" 1\nm,host=")
    harness.send(piece.prefix(100))
    harness.send(" f=1 1\nm,host=t s=\"" + String(repeating: "x", count: 100 << 10) + "\" 1\n")
    #expect(own.accepted == 3)
    #expect(own.rejected == 0)
    // What has ended makes room.
    for session in sessions {
      harness.session = session
      harness.send("\" 1\nm f=1 1\n")
      #expect(!session.isInsideLine)
      #expect(session.accepted == 2 - session.rejected)
    }
    harness.session = LineSession(tenant: .default)
    harness.send("m s=\"")
    harness.send(piece)
    harness.send("\" 1\n")
    #expect(harness.session.rejected == 0)
    #expect(harness.session.accepted == 1)
  }

  @Test func aLineOfJustTheLimitIsTaken() {
    let options = LineParserOptions(lineByteCountMax: 2_000, hashSeed: 1)
    for excess in 0...1 {
      var harness = Harness(options: options)
      let row = "m s=\"" + String(repeating: "x", count: 2_000 - 8 + excess) + "\" 1"
      #expect(row.utf8.count == 2_000 + excess)
      harness.send("\(row)\nm s=\"y\" 2\n\(row)\n\(row)\n")
      harness.finish()
      #expect(harness.outcome.rejected == (excess == 0 ? 0 : 3))
      #expect(harness.outcome.accepted == (excess == 0 ? 4 : 1))
    }
  }

  @Test func widthsBeyondTheLimitsAreRefusedWithTheirPoints() {
    var harness = Harness()
    let fields = (0...Limits.fieldsPerRowMax).map { "f\($0)=1" }
    harness.send(
      "m \(fields.joined(separator: ",")) 1\nm \(fields.dropLast().joined(separator: ",")) 1\n"
    )
    let tags = (0..<256).map { ",t\($0)=v" }.joined()
    harness.send("m\(tags) f=1\nm,\(String(repeating: "k", count: 65_536))=v f=1,g=2\n")
    harness.finish()
    #expect(harness.outcome.accepted == 1)
    #expect(harness.outcome.verdicts.map(\.reason) == [.tooWide, .tooWide, .tooWide])
    let counts = harness.batches.compactMap { RefusalCodec.decode($0) }.joined()
    #expect(counts.reduce(0) { $0 + $1.points } == 65_536 + 1 + 2)
  }

  @Test func unendedLinesAreCutOrEnded() {
    for endsLine in [false, true] {
      var harness = Harness()
      harness.send("m f=1 1\nm f=12")
      #expect(harness.session.isInsideLine)
      harness.finish(endsLine: endsLine)
      #expect(harness.outcome.accepted == (endsLine ? 2 : 1))
      #expect(harness.outcome.verdicts.map(\.reason) == (endsLine ? [] : [.cut]))
      #expect(harness.verdicts.map(\.column) == (endsLine ? [] : [7]))
    }
  }

  @Test func silenceInsideALineRefusesIt() {
    var harness = Harness()
    harness.send("m f=1 1\nm s=\"open\nm f=2 2\nm f=3")
    harness.parser.expire(session: harness.session, arrival: harness.arrival)
    harness.finish()
    // The string can no longer be closed: its first line is refused, the next ones are rows.
    #expect(harness.outcome.accepted == 0 + 2)
    #expect(harness.outcome.rejected == 2)
    #expect(harness.session.verdicts.isEmpty)
  }

  @Test func foreignProtocolsAreToldOnce() {
    let greetings: [([UInt8], String)] = [
      (Array("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".utf8), "HTTP"),
      (Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8), "HTTP"),
      ([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3] + Array("x\nz".utf8), "TLS"),
      ([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], "TLS"),
    ]
    for (bytes, name) in greetings {
      for step in [1, 1_000] {
        var harness = Harness()
        for start in stride(from: 0, to: bytes.count, by: step) {
          harness.send(bytes[start..<min(start + step, bytes.count)])
        }
        harness.send("m f=1 1\n")
        harness.finish()
        #expect(
          harness.events == [.foreignProtocol(what: "this port speaks line protocol, not \(name)")]
        )
        #expect(harness.outcome.rejected == 0)
        #expect(harness.outcome.storedRows.isEmpty)
      }
    }
    // A measurement may be called so, and later lines are only bad lines.
    var harness = Harness()
    harness.send("GET,path=/ HTTP/1.1=1 1\nGET / HTTP/1.1\n")
    harness.finish()
    #expect(harness.events.isEmpty)
    #expect(harness.outcome.accepted == 1)
    #expect(harness.outcome.rejected == 1)
  }

  @Test func tenantsNeverShareABatch() {
    var harness = Harness()
    harness.send("m f=1 1\n#tenant a\nm f=1i 1\n#tenant b\nm f=\"s\" 1\n#tenant a\nm f=2i 2\n")
    harness.finish()
    #expect(harness.outcome.accepted == 4)
    #expect(harness.outcome.rows["[1]m"]?.map { $0.fields[[0x66]] } == [.integer(1), .integer(2)])
    #expect(harness.outcome.rows["[2]m"]?.map { $0.fields[[0x66]] } == [.string([0x73])])
    #expect(harness.batches.map(\.header.tenant.rawValue) == [0, 1, 2, 1])
  }

  /// Bytes that are no UTF-8, and an accent in both of its ways: a finding of the fuzzer, in the
  /// plain parser and here.
  @Test func namesThatLookAlikeAreSeriesOfTheirOwn() {
    let names: [[UInt8]] = [[0xff, 0xf6], [0xf6, 0xff], [0xc3, 0xa9], [0x65, 0xcc, 0x81]]
    let lines = names + names.reversed() + names
    let document = lines.enumerated().flatMap { $1 + Array(" f=\($0) 1\n".utf8) }
    let outcome = Harness.parse(document)
    #expect(outcome == ReferenceParser.parse(document))
    #expect(outcome.rows.count == 4)
    #expect(outcome.rows.values.allSatisfy { $0.count == 3 })
    #expect(Set(outcome.storedRows.map(\.measurement)) == Set(names))
  }

  @Test func sessionsOfOneParserDoNotDisturbEachOther() {
    var harness = Harness()
    let other = LineSession(tenant: .default, precision: .milliseconds)
    for index in 0..<50 {
      harness.send("m,host=a f=\(index) \(index)")
      let text = Array("m,host=b f=\(index) \(index)000\nm,host".utf8)
      unsafe text.withUnsafeBytes {
        _ = unsafe harness.parser.parse($0, session: other, arrival: harness.arrival)
      }
      harness.send("\nm,host=c f=1 \(index)\n")
      let rest = Array("=d f=2 \(index)\n".utf8)
      unsafe rest.withUnsafeBytes {
        _ = unsafe harness.parser.parse($0, session: other, arrival: harness.arrival)
      }
    }
    harness.finish()
    for host in ["a", "b", "c", "d"] {
      #expect(harness.outcome.rows["m,host=\(host)"]?.count == 50)
    }
    #expect(other.accepted == 100)
    let seconds = (0..<50).map { Int64($0) * 1_000_000_000 }
    #expect(harness.outcome.rows["m,host=b"]?.map(\.timestamp) == seconds)
  }

  @Test func precisionsConvertAndRefuseWhatDoesNotFit() {
    let cases: [(LinePrecision, String, Int64?)] = [
      (.auto, "4999999999", nil), (.auto, "1700000000", 1_700_000_000_000_000_000),
      (.auto, "0", 0), (.auto, "-0", 0), (.auto, "1700000000000", 1_700_000_000_000_000_000),
      (.auto, "1700000000000000", 1_700_000_000_000_000_000),
      (.auto, "1700000000000000001", 1_700_000_000_000_000_001),
      (.auto, "5000000000", 5_000_000_000_000_000), (.nanoseconds, "5", 5),
      (.microseconds, "5", 5_000), (.milliseconds, "5", 5_000_000), (.seconds, "5", 5_000_000_000),
      (.minutes, "5", 300_000_000_000), (.hours, "1", 3_600_000_000_000),
      (.seconds, "9223372037", nil), (.hours, "18446744073709551615", nil),
      (.nanoseconds, "9223372036854775808", nil), (.nanoseconds, "99999999999999999999999", nil),
      (.nanoseconds, "1800000600000000000", 1_800_000_600_000_000_000),
      (.nanoseconds, "1800000600000000001", nil),
      (.seconds, "000000000000000000000000005", 5_000_000_000),
    ]
    for (precision, text, expected) in cases {
      var harness = Harness()
      harness.session.precision = precision
      for _ in 0..<3 { harness.send("m f=1 \(text)\n") }
      harness.finish()
      if let expected {
        #expect(harness.outcome.storedRows.map(\.timestamp) == [expected, expected, expected])
      } else {
        #expect(harness.outcome.verdicts.map(\.reason) == [.future, .future, .future], "\(text)")
        #expect(harness.outcome.verdicts.map(\.column) == [7, 7, 7])
      }
    }
    #expect(LinePrecision(word: "us") == .microseconds)
    #expect(LinePrecision(word: "fortnight") == nil)
  }
}
