public import Model

/// A worker's copy of a partition's layouts, read without a lock for each row.
///
/// ``Catalog/refresh(_:)`` brings it up to date; the cost is that of the layouts that are new. A
/// row whose layout is missing after a refresh names one that the catalog does not know.
public struct LayoutTable: Sendable {
  /// Ids of a page; only pages in use take memory.
  @usableFromInline static let pageCount = 64
  @usableFromInline static let none = LayoutDefinition(
    series: SeriesID(.max),
    fieldSet: FieldSetID(.max),
    measurement: MeasurementID(.max),
    tenant: TenantID(.max)
  )

  public let partition: PartitionID
  /// Page number -> index of the page's first entry, or -1.
  @usableFromInline var pages: [Int32] = []
  @usableFromInline var entries: [LayoutDefinition] = []
  /// How many of the catalog's layouts have been looked at.
  var seen = 0
  var restorations = 0

  public init(partition: PartitionID) { self.partition = partition }

  /// What a layout stands for, as far as this table knows. O(1).
  @inlinable
  public subscript(id: LayoutID) -> LayoutDefinition? {
    let page = Int(id.rawValue) / Self.pageCount
    guard page < pages.count, pages[page] >= 0 else { return nil }
    let entry = entries[Int(pages[page]) + Int(id.rawValue) % Self.pageCount]
    return entry.series.rawValue == .max ? nil : entry
  }

  mutating func set(_ id: UInt32, _ definition: LayoutDefinition) {
    let page = Int(id) / Self.pageCount
    while pages.count <= page { pages.append(-1) }
    if pages[page] < 0 {
      pages[page] = Int32(entries.count)
      for _ in 0..<Self.pageCount { entries.append(Self.none) }
    }
    entries[Int(pages[page]) + Int(id) % Self.pageCount] = definition
  }
}
