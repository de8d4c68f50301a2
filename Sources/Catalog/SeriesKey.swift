internal import Bytes
public import Model

/// The canonical key of a series and the partition that follows from it (docs/format/catalog.md).
///
///     | tenant | measurement | tag key | tag value | ... |   each a varint length and the bytes,
///                                                            tags ascending by key
///
/// The partition is ``Hash64`` of that key modulo the number of partitions. Names decide, not ids,
/// so the same fleet spreads alike over every data directory; the rule never changes.
public enum SeriesKey {
  /// - Parameter tags: ascending by key.
  public static func bytes(tenant: [UInt8], measurement: [UInt8], tags: [Tag]) -> [UInt8] {
    var writer = ByteWriter(reserving: 128)
    writer.writeLengthPrefixed(tenant)
    writer.writeLengthPrefixed(measurement)
    for tag in tags {
      writer.writeLengthPrefixed(tag.key)
      writer.writeLengthPrefixed(tag.value)
    }
    return writer.bytes
  }

  /// - Parameters:
  ///   - tags: ascending by key.
  ///   - partitionCount: 1 ... ``PartitionID/countMax``.
  public static func partition(
    tenant: [UInt8],
    measurement: [UInt8],
    tags: [Tag],
    partitionCount: Int
  ) -> PartitionID {
    let key = bytes(tenant: tenant, measurement: measurement, tags: tags)
    return PartitionID(UInt16(Hash64.hash(key.span) % UInt64(partitionCount)))
  }

  /// The series as a message names it, at most about 200 bytes: `measurement,key=value,...`.
  static func text(measurement: [UInt8], tags: [Tag]) -> String {
    var result = quoted(measurement)
    for tag in tags {
      if result.utf8.count > 150 { return result + ",..." }
      result += ",\(quoted(tag.key))=\(quoted(tag.value))"
    }
    return result
  }

  /// A name as a message shows it: one line, valid UTF-8, at most about 64 bytes.
  static func quoted(_ name: [UInt8]) -> String {
    var result = ""
    for scalar in String(decoding: name.prefix(64), as: UTF8.self).unicodeScalars {
      if scalar.value < 0x20 || scalar.value == 0x7f {
        let digits = String(scalar.value, radix: 16)
        result += digits.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return name.count > 64 ? result + "..." : result
  }
}
