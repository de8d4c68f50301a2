internal import Bytes
internal import Codecs
public import Model
public import Platform

/// Reads everything in a block or manifest, decodes every chunk and names what is not as it was
/// written: what `varve verify` does. Read-only; may run beside a live server.
public enum BlockChecker {
  /// Checks one block.
  ///
  /// - Parameters:
  ///   - path: of the block, or of the stub of one that lies in a cold store.
  ///   - expected: what the manifest knows of it.
  ///   - cold: where cold blocks are read.
  /// - Returns: Nothing when the block is sound. Each damage names the series, times or queue
  /// offsets
  ///   that are lost with it.
  /// - Complexity: reads the file once or twice; memory for one group.
  public static func check(
    disk: any Disk,
    path: String,
    expected: BlockSummary? = nil,
    cold: any ColdSource = NoColdSource()
  ) -> [Damage] {
    let reader: BlockReader
    let entries: [ChunkGroupEntry]
    do throws(BlockError) {
      if let expected, expected.cold != nil {
        let files = BlockFiles(disk: disk, openCountMax: 1)
        reader = try BlockReader.open(cold: expected, files, stubPath: path, source: cold)
      } else {
        reader = try BlockReader.open(disk: disk, path: path, expected: expected?.identity)
      }
      entries = try reader.entries()
    } catch {
      let byteCount = (try? disk.byteCount(of: path)) ?? nil
      return [
        Damage(
          severity: .unreadable,
          path: path,
          offset: 0,
          byteCount: byteCount ?? 0,
          what: error.text,
          range: expected?.lossRange ?? ""
        )
      ]
    }
    var check = BlockCheck(reader)
    // After a rebuild the scan has already told every damaged group.
    check.checkGroups(entries)
    check.checkDefinitions(of: entries)
    check.checkSummary(expected, entries)
    // The index may have been found damaged by `entries`, so that the reader speaks last.
    return stubDamages(disk, path, reader)
      + (reader.damages + check.damages).sorted { $0.offset < $1.offset }
  }

  /// A stub that is there and is not sound: it costs nothing but its work.
  private static func stubDamages(
    _ disk: any Disk,
    _ path: String,
    _ reader: BlockReader
  ) -> [Damage] {
    guard reader.lacksStub, let byteCount = (try? disk.byteCount(of: path)) ?? nil else {
      return []
    }
    return [
      Damage(
        severity: .damage,
        path: path,
        offset: 0,
        byteCount: byteCount,
        what: "stub of a cold block is damaged; the cold store is asked instead"
      )
    ]
  }
}

/// One check of one block.
private struct BlockCheck {
  private(set) var damages: [Damage] = []
  private let reader: BlockReader
  private let definitions: Result<BlockDefinitions, BlockError>
  private var pointCount: UInt64 = 0

  init(_ reader: BlockReader) {
    self.reader = reader
    do throws(BlockError) {
      definitions = .success(try reader.definitions())
    } catch {
      definitions = .failure(error)
    }
  }

  mutating func checkGroups(_ entries: [ChunkGroupEntry]) {
    var last = SeriesID(0)
    var end = BlockIdentity.byteCount
    for entry in entries {
      do throws(BlockError) {
        try checkGroup(entry)
      } catch {
        report(entry.offset, entry.byteCount, error.text, name(of: entry))
      }
      if entry.series < last || entry.offset < end {
        report(entry.offset, entry.byteCount, "group is out of order", name(of: entry))
      }
      last = entry.series
      end = entry.offset + entry.byteCount
    }
  }

  private mutating func checkGroup(_ entry: ChunkGroupEntry) throws(BlockError) {
    let bytes = try reader.file.bytes(at: entry.offset, entry.byteCount)
    let group = try ChunkGroup(bytes)
    guard group.head.matches(entry) else { throw .mismatch(.group) }
    let timestamps = try group.timestamps()
    guard timestamps[0] == entry.firstTimestamp,
      timestamps[timestamps.count - 1] == entry.lastTimestamp
    else { throw .mismatch(.group) }
    for column in group.directory.columns {
      var strings = StringArena()
      let cells = try group.column(column, strings: &strings)
      try group.checkStatistics(column, cells.span)
    }
    pointCount += UInt64(entry.rowCount) * UInt64(group.head.columnCount)
  }

  mutating func checkDefinitions(of entries: [ChunkGroupEntry]) {
    let found: BlockDefinitions
    switch definitions {
    case .success(let definitions): found = definitions
    case .failure(let error):
      let range = reader.definitionsRange ?? 0..<0
      let what = "names only; \(reader.summary.identity.range)"
      report(range.lowerBound, range.count, error.text, what)
      return
    }
    let fieldSets = Set(found.fieldSets.map(\.id))
    var missing: Set<String> = []
    for entry in entries {
      if found.definition(of: entry.series) == nil {
        missing.insert("series \(entry.series.rawValue)")
      }
      if !fieldSets.contains(entry.fieldSet) {
        missing.insert("field set \(entry.fieldSet.rawValue)")
      }
    }
    for name in missing.sorted() { report(0, 0, "definitions lack \(name)") }
  }

  mutating func checkSummary(_ expected: BlockSummary?, _ entries: [ChunkGroupEntry]) {
    let summary = reader.summary
    if let expected, expected.identity != summary.identity {
      report(
        0,
        BlockIdentity.byteCount,
        "the manifest names another block here",
        expected.lossRange
      )
    }
    do throws(BlockError) {
      try reader.checkIndexFrame()
    } catch {
      report(0, 0, error.text)
    }
    // What was lost with damaged groups has been told.
    guard damages.isEmpty, reader.damages.isEmpty else { return }
    let rowCount = entries.reduce(UInt64(0)) { $0 + UInt64($1.rowCount) }
    let isSound =
      summary.groupCount == entries.count && summary.rowCount == rowCount
      && summary.pointCount == pointCount
      && summary.firstTimestamp == entries.map(\.firstTimestamp).min() ?? 0
      && summary.lastTimestamp == entries.map(\.lastTimestamp).max() ?? 0
    if !isSound || expected.map({ $0.atHome != summary.atHome }) == true {
      report(0, 0, "the summary counts something else than the groups hold")
    }
  }

  /// The lost rows in words that a reader knows: `node,server=a1b2` where the names are readable.
  private func name(of entry: ChunkGroupEntry) -> String {
    let lost = "\(entry.range), \(entry.rowCount) rows of \(reader.summary.identity.range)"
    guard case .success(let definitions) = definitions,
      let series = definitions.definition(of: entry.series)
    else { return lost }
    var key = series.measurementName
    for tag in series.tags { key += Array(",".utf8) + tag.key + Array("=".utf8) + tag.value }
    return "\(String(decoding: key, as: UTF8.self)): \(lost)"
  }

  private mutating func report(
    _ offset: Int,
    _ byteCount: Int,
    _ what: String,
    _ range: String = ""
  ) {
    damages.append(
      Damage(
        severity: .damage,
        path: reader.path,
        offset: offset,
        byteCount: byteCount,
        what: what,
        range: range
      )
    )
  }
}

extension ManifestStore {
  /// Checks the manifest and every block that it names, or every block there is when the manifest
  /// is damaged.
  ///
  /// - Complexity: reads and decodes the whole partition.
  public func check(cold: any ColdSource = NoColdSource()) -> [Damage] {
    let loaded: LoadedManifest
    do throws(SystemError) {
      loaded = try load()
    } catch {
      return [
        Damage(
          severity: .unreadable,
          path: error.path,
          offset: 0,
          byteCount: 0,
          what: error.description,
          range: "partition \(partition.rawValue)"
        )
      ]
    }
    var damages = loaded.damages
    let missing = Set(damages.filter { $0.severity == .unreadable }.map(\.path))
    for path in loaded.leftovers {
      damages.append(
        Damage(
          severity: .note,
          path: path,
          offset: 0,
          byteCount: 0,
          what: "file of a cut that was not committed"
        )
      )
    }
    for path in (try? rollupLeftovers(of: loaded.manifest.rollups)) ?? [] {
      damages.append(
        Damage(
          severity: .note,
          path: path,
          offset: 0,
          byteCount: 0,
          what: "a rollup that no manifest names"
        )
      )
    }
    for path in loaded.doubtful {
      damages += BlockChecker.check(disk: disk, path: path)
    }
    for block in loaded.manifest.blocks where !missing.contains(path(of: block)) {
      damages += BlockChecker.check(
        disk: disk,
        path: path(of: block),
        expected: block,
        cold: cold
      )
    }
    return damages + checkRollups(of: loaded.manifest)
  }
}
