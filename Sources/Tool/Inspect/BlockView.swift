internal import Blocks
package import Engine
package import Model
package import Platform

/// `varve inspect --block`: one block from the inside.
package enum BlockView {
  /// The path of a block by its name, in whichever partition it is.
  package static func path(
    of name: String,
    in snapshot: DirectorySnapshot
  ) throws -> String {
    for partition in snapshot.partitions {
      let path = Path.join(snapshot.directory.blocks(partition.index), name)
      if let found = try? snapshot.disk.byteCount(of: path), found >= 0 { return path }
    }
    throw Failure.notThere(snapshot.directory.path, "no partition has a block \(name)")
  }

  package static func make(
    _ disk: any Disk,
    path: String,
    limit: Int,
    listsChunks: Bool
  ) throws -> (report: TextReport, findings: [Damage]) {
    let block: BlockReader
    do throws(BlockError) {
      block = try BlockReader.open(disk: disk, path: path)
    } catch {
      if case .system(let error) = error { throw EngineError.system(error) }
      throw Failure.notThere(path, error.text)
    }
    return make(block, limit: limit, listsChunks: listsChunks)
  }

  /// The same of a block that is open, wherever it lies.
  static func make(
    _ block: BlockReader,
    limit: Int,
    listsChunks: Bool
  ) -> (report: TextReport, findings: [Damage]) {
    let names = Names(try? block.definitions())
    let summary = block.summary
    var report = TextReport()
    report.fact("block", .text(block.path))
    report.fact("tier", .text(summary.cold == nil ? "local" : "cold"))
    report.fact("partition", .integer(Int(summary.identity.partition.rawValue)))
    report.fact("tenant", .name(names.tenant))
    report.fact("first_offset", .unsigned(summary.identity.a.rawValue))
    report.fact("end_offset", .unsigned(summary.identity.b.rawValue))
    report.fact("cut", .unsigned(summary.identity.cut))
    report.fact("epoch", .integer(Int(summary.identity.epoch.rawValue)))
    report.fact("bytes", .byteCount(summary.byteCount))
    report.fact("groups", .integer(summary.groupCount))
    report.fact("rows", .unsigned(summary.rowCount))
    report.fact("points", .unsigned(summary.pointCount))
    report.fact("bytes_per_point", Overview.perPoint(summary.byteCount, summary.pointCount))
    if summary.rowCount > 0 {
      report.fact("first_row", .time(summary.firstTimestamp))
      report.fact("last_row", .time(summary.lastTimestamp))
    }
    var groups = TextTable([
      "group>", "series", "rows>", "columns>", "first_row", "last_row", "bytes>",
      "bytes_per_point>", "late",
    ])
    var chunks = TextTable(["group>", "field", "type", "codec", "bytes>", "bytes_per_value>"])
    var tally = CodecTally()
    var findings = tally.add(block) { entry, found in
      let columns = found.count - 1
      if groups.rows.count < limit {
        groups.add([
          .integer(entry.ordinal), .text(names.series(entry.series)), .integer(entry.rowCount),
          .integer(columns), .time(entry.firstTimestamp), .time(entry.lastTimestamp),
          .byteCount(entry.byteCount),
          Overview.perPoint(entry.byteCount, UInt64(entry.rowCount * max(1, columns))),
          .boolean(entry.isLate),
        ])
      }
      guard listsChunks else { return }
      for chunk in found where chunks.rows.count < limit {
        chunks.add([
          .integer(entry.ordinal), .text(chunk.field.map { names.field($0) } ?? "(timestamps)"),
          .text(chunk.type?.name ?? "time"), .text(chunk.codec), .integer(chunk.byteCount),
          .decimal(Double(chunk.byteCount) / Double(entry.rowCount), 3),
        ])
      }
    }
    report.table("codecs", key: "codecs", tally.table)
    let more = summary.groupCount > groups.rows.count
    report.table(
      more ? "groups, the first \(groups.rows.count); --limit shows more" : "groups",
      key: "group_list",
      groups
    )
    report.table("chunks", key: "chunk_list", chunks)
    findings += block.damages
    return (report, findings)
  }

  /// The names that a block repeats.
  private struct Names {
    private let definitions: BlockDefinitions?
    private let fields: [FieldID: [UInt8]]

    init(_ definitions: BlockDefinitions?) {
      self.definitions = definitions
      fields = Dictionary(
        (definitions?.fields ?? []).map { ($0.id, $0.name) },
        uniquingKeysWith: { first, _ in first }
      )
    }

    var tenant: [UInt8] { definitions?.tenantName ?? [] }

    func series(_ id: SeriesID) -> String {
      guard let found = definitions?.definition(of: id) else { return "series \(id.rawValue)" }
      let line = LineText.head(found) ?? found.measurementName
      return TerminalText.escape(line, characterCountMax: 80)
    }

    func field(_ id: FieldID) -> String {
      fields[id].map { TerminalText.escape($0) } ?? "field \(id.rawValue)"
    }
  }
}

/// Chunks, values and bytes by type and codec.
struct CodecTally {
  private struct Key: Hashable {
    var type: String
    var codec: String
  }

  private struct Sum {
    var chunkCount = 0
    var valueCount = 0
    var byteCount = 0
  }

  private var sums: [Key: Sum] = [:]

  /// Counts the chunks of a block; `body` sees each group's.
  ///
  /// - Returns: groups that are damaged.
  mutating func add(
    _ block: BlockReader,
    _ body: (ChunkGroupEntry, [ChunkDescription]) -> Void = { _, _ in }
  ) -> [Damage] {
    var findings: [Damage] = []
    var entries: [ChunkGroupEntry] = []
    do throws(BlockError) {
      entries = try block.entries()
    } catch {
      findings.append(Self.damage(block, 0, block.summary.byteCount, error))
    }
    for entry in entries {
      do throws(BlockError) {
        let chunks = try block.chunks(of: entry)
        for chunk in chunks {
          let key = Key(type: chunk.type?.name ?? "time", codec: chunk.codec)
          sums[key, default: Sum()].chunkCount += 1
          sums[key, default: Sum()].valueCount += entry.rowCount
          sums[key, default: Sum()].byteCount += chunk.byteCount
        }
        body(entry, chunks)
      } catch {
        findings.append(Self.damage(block, entry.offset, entry.byteCount, error))
      }
    }
    return findings
  }

  static func damage(
    _ block: BlockReader,
    _ offset: Int,
    _ byteCount: Int,
    _ error: BlockError
  ) -> Damage {
    Damage(
      severity: .damage,
      path: block.path,
      offset: offset,
      byteCount: byteCount,
      what: error.text
    )
  }

  var table: TextTable {
    var table = TextTable(["type", "codec", "chunks>", "values>", "bytes>", "bytes_per_value>"])
    let sorted = sums.sorted { ($0.key.type, $0.key.codec) < ($1.key.type, $1.key.codec) }
    for (key, sum) in sorted {
      table.add([
        .text(key.type), .text(key.codec), .integer(sum.chunkCount), .integer(sum.valueCount),
        .byteCount(sum.byteCount), Overview.perPoint(sum.byteCount, UInt64(sum.valueCount)),
      ])
    }
    return table
  }
}
