internal import Bytes
internal import Model

/// The ledger's totals as summaries and manifests carry them (docs/format/manifest.md, "ledger"):
///
///     | entries: varint | entry | entry | ...
///     entry := | tenant | measurement + 1, or 0 for none | received | stored | duplicate |
///              | replaced | late | rejected: counts | lines rejected: counts |      all varints
///     counts := | number: varint | reason u8, count: varint | ...        ascending by reason
enum LedgerCoding {
  static func write(_ ledger: [LedgerEntry], into buffer: inout OutputBuffer) {
    buffer.writeVarint(UInt64(ledger.count))
    for entry in ledger {
      buffer.writeVarint(UInt64(entry.tenant.rawValue))
      buffer.writeVarint(entry.measurement.map { UInt64($0.rawValue) + 1 } ?? 0)
      buffer.writeVarint(entry.received)
      buffer.writeVarint(entry.stored)
      buffer.writeVarint(entry.duplicate)
      buffer.writeVarint(entry.replaced)
      buffer.writeVarint(entry.late)
      write(entry.rejected, into: &buffer)
      write(entry.linesRejected, into: &buffer)
    }
  }

  private static func write(_ counts: [RefusalReason: UInt64], into buffer: inout OutputBuffer) {
    buffer.writeVarint(UInt64(counts.count))
    for (reason, count) in counts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      buffer.writeByte(reason.rawValue)
      buffer.writeVarint(count)
    }
  }

  /// `nil` when the bytes end early or hold what the writer never produces.
  static func read(_ reader: inout ByteReader) -> [LedgerEntry]? {
    guard let count = reader.readVarint(), count <= UInt64(reader.remaining) else { return nil }
    var ledger: [LedgerEntry] = []
    for _ in 0..<count {
      guard let tenant = reader.readVarint().flatMap(UInt32.init(exactly:)),
        let measurement = reader.readVarint(), measurement <= UInt64(UInt32.max) + 1,
        let received = reader.readVarint(), let stored = reader.readVarint(),
        let duplicate = reader.readVarint(), let replaced = reader.readVarint(),
        let late = reader.readVarint(), let rejected = readCounts(&reader),
        let linesRejected = readCounts(&reader)
      else { return nil }
      var entry = LedgerEntry(
        tenant: TenantID(tenant),
        measurement: measurement == 0 ? nil : MeasurementID(UInt32(measurement - 1))
      )
      entry.received = received
      entry.stored = stored
      entry.duplicate = duplicate
      entry.replaced = replaced
      entry.late = late
      entry.rejected = rejected
      entry.linesRejected = linesRejected
      ledger.append(entry)
    }
    return ledger
  }

  private static func readCounts(_ reader: inout ByteReader) -> [RefusalReason: UInt64]? {
    guard let count = reader.readVarint(), count <= UInt64(RefusalReason.allCases.count) else {
      return nil
    }
    var counts: [RefusalReason: UInt64] = [:]
    for _ in 0..<count {
      guard let code = reader.readByte(), let reason = RefusalReason(rawValue: code),
        let value = reader.readVarint(), counts.updateValue(value, forKey: reason) == nil
      else { return nil }
    }
    return counts
  }
}
