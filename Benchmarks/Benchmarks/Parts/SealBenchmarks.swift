import Benchmark
import Blocks
import Bytes
import Catalog
import Codecs
import Model
import Platform
import Rollup

/// Open rows of sixty seconds, and the way that a cut takes them: rows, columns, windows, chunks.
final class SealBench {
  let batches: [RowBatch]
  let layouts: [(definition: LayoutDefinition, types: [ColumnType], fields: [FieldID])]
  private let parser: ParserBench
  private let folder = Folder()
  private let arena = RowArena()
  private var runs: [RowRun] = []
  private var divisors: [ScaleTableID: [Double]] = [:]
  private var encoder = ColumnEncoder(strength: .head)
  private var hints: [ColumnHint] = []
  private var buffer = OutputBuffer(reserving: 1 << 20)
  private var cut: UInt64 = 0
  let pointCount: Int

  init(_ lines: Lines, seriesCount: Int) throws {
    parser = try ParserBench()
    batches = parser.parse(lines.text(rows: 60, seriesCount: seriesCount))
    let catalog = parser.catalog
    var found: [(definition: LayoutDefinition, types: [ColumnType], fields: [FieldID])] = []
    while let layout = catalog.layout(PartitionID(0), LayoutID(UInt32(found.count))),
      let set = catalog.fieldSet(layout.fieldSet)
    {
      found.append((layout, set.types, set.fields))
    }
    layouts = found
    pointCount = batches.reduce(0) { $0 + Int($1.header.pointCount) }
    hints = Array(repeating: ColumnHint(), count: lines.fieldCount)
    append(to: arena, &runs)
  }

  deinit { parser.close() }

  /// Copies all rows into an arena, as they come from the queue.
  func append(to arena: RowArena, _ runs: inout [RowRun]) {
    let known = layouts.map { RunLayout(width: UInt32($0.types.count)) }
    var counts = RunCounts()
    counts.received = [0]
    runs = Array(repeating: RowRun(), count: layouts.count)
    for batch in batches { arena.append(batch, layouts: known, runs: &runs, counts: &counts) }
    precondition(counts.unreadableRowCount == 0, "a row was left out")
  }

  private func divisors(_ table: ScaleTableID, _ count: Int) -> [Double] {
    if let known = divisors[table] { return known }
    let exponents = parser.catalog.scales(table) ?? []
    let made = exponents.isEmpty ? Array(repeating: 1, count: count) : exponents.map(power)
    divisors[table] = made
    return made
  }

  private func power(_ exponent: UInt8) -> Double { Model.DecimalScale.powers[Int(exponent)] }

  /// What a cut makes of columns: eight at a time where the processor lets it, else one by one.
  private struct Work {
    var begin: (Int, Span<Timestamp>) -> Void = { _, _ in }
    /// The tile, the types of its columns, which of the row's columns is its first, and the cells
    /// of the columns that it does not hold.
    var tile: (inout IntegerTile, ArraySlice<ColumnType>, Int, Span<Timestamp>, [[Cell]]) -> Void
    var column: (Span<Cell>, ColumnType, Int, Span<Timestamp>) -> Void
    var end: () throws -> Void = {}
  }

  /// Gives the columns of every series to `work`, sixty cells each.
  private func transpose(_ work: Work) throws {
    let reader = arena.reader()
    var strings = StringArena()
    var cells: [Cell] = []
    var integers = IntegerTile()
    for (index, layout) in layouts.enumerated() {
      var rows: [RowReference] = []
      reader.collect(runs[index], index: 0, into: &rows)
      let timestamps = rows.map(\.timestamp)
      work.begin(index, timestamps.span)
      var tile = RowTile(rows[...], types: layout.types) { divisors($0, layout.types.count) }
      var place = 0
      while tile.columnsLeft > 0 {
        let count = min(RowTile.columnCountMax, tile.columnsLeft)
        if tile.next(count, into: &integers) {
          var others = [[Cell]](repeating: [], count: count)
          for offset in 0..<count where !integers.holds(offset) {
            tile.cells(of: integers, offset, into: &others[offset])
          }
          work.tile(&integers, layout.types[place..<place + count], place, timestamps.span, others)
          place += count
          continue
        }
        tile.next(count, into: &cells, strings: &strings)
        for offset in 0..<count {
          let start = offset * rows.count
          let span = cells.span.extracting(start..<start + rows.count)
          work.column(span, layout.types[place], place, timestamps.span)
          place += 1
        }
      }
      try work.end()
    }
  }

  /// Columns alone.
  func transpose() throws {
    try transpose(
      Work(
        tile: { tile, _, _, _, _ in blackHole(tile.integers(0)[0]) },
        column: { span, _, _, _ in blackHole(span[0]) }
      )
    )
  }

  /// Columns and their windows.
  func fold() throws {
    let table = Windows()
    try transpose(
      Work(
        begin: { _, timestamps in table.begin(timestamps) },
        tile: { tile, types, _, timestamps, others in
          table.fold(&tile, types, timestamps, others)
        },
        column: { span, type, _, timestamps in table.fold(span, type, timestamps) }
      )
    )
    blackHole(table.windows.count)
  }

  /// Columns, their windows and their chunks, in memory.
  func encode() throws {
    let table = Windows()
    let strings = StringArena()
    buffer.removeAll()
    try transpose(
      Work(
        begin: { _, timestamps in
          table.begin(timestamps)
          if self.buffer.count > 1 << 19 { self.buffer.removeAll() }
        },
        tile: { tile, types, place, timestamps, others in
          for offset in 0..<types.count {
            let type = types[types.startIndex + offset]
            guard tile.holds(offset) else {
              self.encoder.encode(
                others[offset].span,
                type: type,
                strings: strings,
                hint: &self.hints[place + offset],
                into: &self.buffer
              )
              continue
            }
            self.encoder.encode(
              tile,
              column: offset,
              type: type,
              hint: &self.hints[place + offset],
              into: &self.buffer
            )
          }
          table.fold(&tile, types, timestamps, others)
        },
        column: { span, type, place, timestamps in
          self.encoder.encode(
            span,
            type: type,
            strings: strings,
            hint: &self.hints[place],
            into: &self.buffer
          )
          table.fold(span, type, timestamps)
        }
      )
    )
    blackHole(table.windows.count)
  }

  /// All of it, into a block in memory.
  func write() throws {
    cut += 1
    let table = Windows()
    let block = OpenBlock(
      try BlockWriter(
        disk: RealDisk(),
        directory: folder.path,
        identity: BlockIdentity(
          partition: PartitionID(0),
          tenant: .default,
          epoch: Epoch(1),
          a: Offset(cut),
          b: Offset(cut + 1),
          cut: cut,
          index: 0,
          count: 1
        )
      )
    )
    let strings = StringArena()
    try transpose(
      Work(
        begin: { index, timestamps in
          let layout = self.layouts[index]
          table.begin(timestamps)
          block.writer?.beginGroup(
            series: layout.definition.series,
            fieldSet: layout.definition.fieldSet,
            fields: zip(layout.fields, layout.types).map { (field: $0, type: $1) },
            timestamps: timestamps,
            isLate: false
          )
        },
        tile: { tile, types, _, timestamps, others in
          for offset in 0..<types.count {
            let type = types[types.startIndex + offset]
            if tile.holds(offset) {
              block.writer?.appendColumn(tile, column: offset, type: type)
            } else {
              block.writer?.appendColumn(others[offset].span, type: type)
            }
          }
          table.fold(&tile, types, timestamps, others)
        },
        column: { span, type, _, timestamps in
          block.writer?.appendColumn(span, type: type, strings: strings)
          table.fold(span, type, timestamps)
        },
        end: { try block.writer?.endGroup() }
      )
    )
    let definitions = BlockDefinitions(tenant: .default, tenantName: Array("default".utf8))
    guard let writer = block.writer.take() else { return }
    let summary = try writer.finish(definitions: definitions, ledger: [])
    try RealDisk().remove(Path.join(folder.path, summary.identity.fileName))
  }
}

/// Windows that closures fold columns into.
private final class Windows {
  private(set) var windows: [Window] = []
  private var minutes: [MinuteRun] = []

  func begin(_ timestamps: Span<Timestamp>) {
    minutes = MinuteRun.split(timestamps)
    windows.removeAll(keepingCapacity: true)
  }

  func fold(_ cells: Span<Cell>, _ type: ColumnType, _ timestamps: Span<Timestamp>) {
    WindowFolder.fold(cells, type: type, timestamps: timestamps, runs: minutes, into: &windows)
  }

  func fold(
    _ tile: inout IntegerTile,
    _ types: ArraySlice<ColumnType>,
    _ timestamps: Span<Timestamp>,
    _ others: [[Cell]]
  ) {
    WindowFolder.fold(
      &tile,
      types: types,
      timestamps: timestamps,
      runs: minutes,
      cells: { _, column in others[column] },
      into: &windows
    )
  }
}

/// A block that closures write to.
private final class OpenBlock {
  var writer: BlockWriter?

  init(_ writer: consuming BlockWriter) { self.writer = consume writer }
}

func sealBenchmarks() {
  for (lines, count) in [(Lines.wide, 20), (.tsbs, 2_000)] {
    let name = "(\(lines.rawValue))"
    func add(_ part: String, _ body: @escaping (SealBench) throws -> Void) {
      Benchmark("seal: \(part) \(name)") { benchmark, bench in
        try measure(benchmark, points: bench.pointCount) { try body(bench) }
      } setup: {
        try SealBench(lines, seriesCount: count)
      }
    }
    add("batches to open rows") { bench in
      var runs: [RowRun] = []
      bench.append(to: RowArena(), &runs)
    }
    add("rows to columns") { try $0.transpose() }
    add("rows to columns, fold") { try $0.fold() }
    add("rows to columns, fold, head chunks") { try $0.encode() }
    add("rows to columns, fold, a block") { try $0.write() }
  }
}
