internal import Model

/// The chunk groups of several blocks, by series; within one in the order of the blocks and of
/// their groups. Holds some pages of each block's index, never the whole.
struct GroupMerge {
  /// Of 64 entries each.
  private static let pagesPerRead = 8

  private struct Input {
    let reader: BlockReader
    let pageCount: Int
    var nextPage = 0
    var entries: ArraySlice<ChunkGroupEntry> = []
  }

  private var inputs: [Input] = []
  /// The series of the next group; `nil` at the end.
  private(set) var series: SeriesID?
  private var input = 0

  init(_ readers: [BlockReader]) throws(BlockError) {
    for reader in readers {
      guard let pageCount = reader.pageCount else { throw .malformed(.index) }
      inputs.append(Input(reader: reader, pageCount: pageCount))
      try fill(inputs.count - 1)
    }
    advance()
  }

  /// Takes the next group.
  mutating func next() throws(CompactionError) -> (reader: BlockReader, entry: ChunkGroupEntry) {
    let reader = inputs[input].reader
    let entry = inputs[input].entries.removeFirst()
    do throws(BlockError) {
      try fill(input)
    } catch {
      throw .input(error, path: reader.path, 0, reader.summary.byteCount)
    }
    if inputs[input].entries.first?.series != series { advance() }
    return (reader, entry)
  }

  /// Reads on when an input has no entry left.
  private mutating func fill(_ index: Int) throws(BlockError) {
    let (page, count) = (inputs[index].nextPage, inputs[index].pageCount)
    guard inputs[index].entries.isEmpty, page < count else { return }
    let end = min(count, page + Self.pagesPerRead)
    inputs[index].entries = try inputs[index].reader.entries(ofPages: page..<end)[...]
    inputs[index].nextPage = end
  }

  /// Finds the input of the least series, the first of several.
  private mutating func advance() {
    series = nil
    for (index, candidate) in inputs.enumerated() {
      guard let first = candidate.entries.first?.series else { continue }
      if let series, series <= first { continue }
      series = first
      input = index
    }
  }
}
