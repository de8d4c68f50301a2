internal import Model

/// The points of many series, as one thread reads them: a few arrays for all.
struct PointPiece: Sendable {
  fileprivate struct Part: Sendable {
    var field: Int
    var timestamps: Range<Int>
    var cells: Range<Int>
  }

  fileprivate var timestamps: [Timestamp] = []
  fileprivate var cells: [Cell] = []
  /// One for each series and field that has points, those of a series together.
  fileprivate var parts: [Part] = []
  /// By slot, its parts.
  fileprivate var places: [Range<Int>]
  private var slot = 0

  init(groupCount: Int) { places = Array(repeating: 0..<0, count: groupCount) }

  /// What is appended from now on belongs to the group of `slot`.
  mutating func begin(_ slot: Int) {
    self.slot = slot
    places[slot] = parts.count..<parts.count
  }

  /// Appends points of one field.
  mutating func append(_ column: PointColumn, field: Int) {
    guard !column.timestamps.isEmpty else { return }
    append(column.timestamps[...], column.cells[...], field: field)
  }

  /// - Parameters:
  ///   - times: not empty; parallel to `values`.
  mutating func append(
    _ times: ArraySlice<Timestamp>,
    _ values: ArraySlice<Cell>,
    field: Int
  ) {
    // Fields of the same rows share their timestamps.
    let last = places[slot].isEmpty ? nil : parts[parts.count - 1].timestamps
    let range: Range<Int>
    if let last, last.count == times.count, timestamps[last].elementsEqual(times) {
      range = last
    } else {
      range = timestamps.count..<timestamps.count + times.count
      timestamps.append(contentsOf: times)
    }
    append(values, field: field, at: range)
  }

  /// Appends points of several fields that have the same timestamps.
  ///
  /// - Parameters:
  ///   - times: not empty.
  ///   - columns: each parallel to `times`.
  mutating func append(_ times: [Timestamp], _ columns: [(field: Int, cells: [Cell])]) {
    let range = timestamps.count..<timestamps.count + times.count
    timestamps.append(contentsOf: times)
    for (field, values) in columns { append(values[...], field: field, at: range) }
  }

  private mutating func append(
    _ values: ArraySlice<Cell>,
    field: Int,
    at times: Range<Int>
  ) {
    let start = cells.count
    cells.append(contentsOf: values)
    parts.append(Part(field: field, timestamps: times, cells: start..<cells.count))
    places[slot] = places[slot].lowerBound..<parts.count
  }
}

/// Points of neighbouring groups of an answer.
struct RawBatch {
  private var groups = 0..<0
  private var shards: GroupShards?
  private var pieces: [PointPiece] = []

  /// No groups.
  init() {}

  init(_ groups: Range<Int>, _ shards: GroupShards, _ pieces: [PointPiece]) {
    self.groups = groups
    self.shards = shards
    self.pieces = pieces
  }

  var groupCount: Int { groups.count }
  var seriesCount: Int { pieces.reduce(0) { $0 + $1.parts.count } }

  /// Every series and field with points, in the order of the answer.
  func forEach(
    _ body: (
      _ group: Int, _ field: Int, SharedColumn<Timestamp>, SharedColumn<Cell>
    ) -> Void
  ) {
    guard let shards else { return }
    for group in groups {
      let (shard, slot) = shards.place(of: group)
      let piece = pieces[shard]
      for part in piece.parts[piece.places[slot]] {
        body(
          group,
          part.field,
          SharedColumn(piece.timestamps, part.timestamps),
          SharedColumn(piece.cells, part.cells)
        )
      }
    }
  }
}
