internal import Bytes
public import Model

/// A delete that acts on blocks which still hold what it deletes (docs/format/manifest.md,
/// "deletes").
///
/// Immutable; shared by the blocks of a partition and by its manifest.
public struct BlockDelete: Hashable, Sendable {
  public var tenant: TenantID
  /// The delete's own: rows with greater ones came after it.
  public var offset: Offset
  public var record: DeleteRecord
  /// The first offsets of the tenant's blocks that may still hold rows of it; ascending.
  public var pending: [Offset]

  public init(tenant: TenantID, offset: Offset, record: DeleteRecord, pending: [Offset]) {
    self.tenant = tenant
    self.offset = offset
    self.record = record
    self.pending = pending
  }

  /// Whether rows of a block have to be left out.
  public func acts(on block: BlockSummary) -> Bool {
    block.identity.tenant == tenant && pending.contains(block.identity.a)
  }

  /// As ``init(_:)`` reads it.
  func write(into buffer: inout OutputBuffer) {
    buffer.writeVarint(UInt64(tenant.rawValue))
    buffer.writeVarint(offset.rawValue)
    var writer = ByteWriter(reserving: 32 + 5 * record.series.count)
    DeleteCodec.encode(record, into: &writer)
    let bytes = writer.bytes
    buffer.writeBytes(bytes.span)
    buffer.writeVarint(UInt64(pending.count))
    var last: UInt64 = 0
    for offset in pending {
      buffer.writeVarint(offset.rawValue - last)
      last = offset.rawValue
    }
  }

  /// `nil` when the bytes end early or hold what the writer never produces.
  init?(_ reader: inout ByteReader) {
    guard let tenant = reader.readVarint().flatMap(UInt32.init(exactly:)),
      let offset = reader.readVarint(), let record = DeleteCodec.decode(&reader),
      let count = reader.readVarint(), count >= 1, count <= UInt64(reader.remaining)
    else { return nil }
    var pending: [Offset] = []
    var last: UInt64 = 0
    for index in 0..<count {
      guard let gap = reader.readVarint(), index == 0 || gap > 0,
        case let (next, isLarge) = last.addingReportingOverflow(gap), !isLarge
      else { return nil }
      pending.append(Offset(next))
      last = next
    }
    self.init(
      tenant: TenantID(tenant),
      offset: Offset(offset),
      record: record,
      pending: pending
    )
  }
}

extension [BlockDelete] {
  /// Has a block leave out the rows that they act on.
  public func leaveOutRows(of block: BlockReader) {
    for delete in self where delete.acts(on: block.summary) { block.leaveOut(delete) }
  }

  /// Forgets blocks that are gone: of deletes before `offset` because they were made anew without
  /// the rows, of later ones because others took their place.
  public mutating func replace(
    _ inputs: [BlockSummary],
    with outputs: [BlockSummary],
    before offset: Offset
  ) {
    for index in indices {
      let tenant = self[index].tenant
      let gone = Set(inputs.filter { $0.identity.tenant == tenant }.map(\.identity.a))
      guard !gone.isDisjoint(with: self[index].pending) else { continue }
      var pending = Set(self[index].pending).subtracting(gone)
      if self[index].offset >= offset {
        for output in outputs
        where output.identity.tenant == tenant && output.meets(self[index].record.range) {
          pending.insert(output.identity.a)
        }
      }
      self[index].pending = pending.sorted()
    }
    removeAll { $0.pending.isEmpty }
  }
}
