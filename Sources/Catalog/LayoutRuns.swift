internal import Model

/// The layout ids that one receiver may still give out, and the shapes that it asked for last.
///
/// Each receiver owns one and passes it to every resolve: rows that arrive one after another then
/// have consecutive layouts, which costs them one byte in the log. Ids of a run that is dropped
/// with its receiver are never used.
public struct LayoutRuns: Sendable {
  /// Ids that a receiver takes at a time from a partition.
  public static let runCount: UInt32 = 1_024
  /// Shapes remembered: an agent sends a dozen measurements in turn.
  static let shapesMax = 16

  /// The part of a resolve that depends on measurement and fields only.
  struct Shape: Sendable {
    var measurement: UInt32
    var fieldSet: UInt32
    var columnOf: [Int]
    var types: [ColumnType]
  }

  private struct Memory: Sendable {
    var tenant: TenantID
    var measurement: [UInt8]
    var fields: [FieldName]
    var shape: Shape
  }

  private var runs: [Range<UInt32>] = []
  private var memories: [Memory] = []
  private var nextMemory = 0

  public init() {}

  /// Whether the partition's run has an id left.
  func hasNext(_ partition: Int) -> Bool { partition < runs.count && !runs[partition].isEmpty }

  /// Takes the run's next id; there must be one.
  mutating func take(_ partition: Int) -> UInt32 {
    let run = runs[partition]
    precondition(!run.isEmpty)
    runs[partition] = run.lowerBound + 1..<run.upperBound
    return run.lowerBound
  }

  mutating func refill(_ partition: Int, with run: Range<UInt32>) {
    while runs.count <= partition { runs.append(0..<0) }
    runs[partition] = run
  }

  /// The shape of a line like an earlier one. Quick when `fields` is the very array of then.
  func shape(tenant: TenantID, measurement: [UInt8], fields: [FieldName]) -> Shape? {
    for memory in memories
    where memory.tenant == tenant && memory.measurement == measurement && memory.fields == fields {
      return memory.shape
    }
    return nil
  }

  mutating func remember(
    _ shape: Shape,
    tenant: TenantID,
    measurement: [UInt8],
    fields: [FieldName]
  ) {
    let memory = Memory(tenant: tenant, measurement: measurement, fields: fields, shape: shape)
    if memories.count < Self.shapesMax {
      memories.append(memory)
    } else {
      memories[nextMemory] = memory
      nextMemory = (nextMemory + 1) % Self.shapesMax
    }
  }
}
