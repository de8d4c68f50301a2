internal import Bytes
public import Model
public import Platform

/// Reads the records of a slot in order.
enum SlotScan {
  /// The index entries of a slot's committed bytes, by minute of the hour.
  ///
  /// Whose identity cannot be read may be any series: the first damage ends it.
  ///
  /// - Throws: ``RingRegion/SlotFault`` at the first byte that is neither record nor pad.
  static func entries(
    _ bytes: Span<UInt8>, hour: Int64, cut: UInt64
  ) throws(RingRegion.SlotFault) -> [Int: [UInt64]] {
    var result: [Int: [UInt64]] = [:]
    var offset = SlotLayout.headerByteCount
    while offset < bytes.count {
      let rest = bytes.extracting(offset..<bytes.count)
      if let skip = padByteCount(rest) {
        offset += skip
        continue
      }
      guard let head = RecordHead(rest), head.cut <= cut,
        SlotNumber.hour(ofMinute: head.minute) == hour
      else {
        throw RingRegion.SlotFault(
          offset: offset, byteCount: bytes.count - offset, what: "bad window record")
      }
      result[Int(head.minute - hour * 60), default: []].append(
        MinuteIndex.entry(head.series, offset: offset))
      offset += SlotLayout.recordByteCount(body: head.bodyByteCount)
    }
    return result
  }

  private static func padByteCount(_ bytes: Span<UInt8>) -> Int? {
    var reader = ByteReader(bytes)
    guard reader.readInteger(UInt32.self) == SlotLayout.padMagic,
      let count = reader.readInteger(UInt32.self), count >= 8, Int(count) < bytes.count
    else { return nil }
    return Int(count)
  }
}

/// Checks a partition's slots without opening them for writing.
public enum RingCheck {
  /// What is wrong with the slots that a manifest names. Read only; may run beside a live server.
  ///
  /// - Parameters:
  ///   - committed: the manifest's ring progress.
  ///   - cut: the manifest's cut.
  public static func check(
    disk: any Disk, directory: String, partition: PartitionID, committed: [RingProgress],
    cut: UInt64
  ) -> [Damage] {
    var damages: [Damage] = []
    for progress in committed {
      let path = Path.join(directory, SlotNumber.fileName(hour: progress.hour))
      let end = Int(clamping: progress.byteCount)
      let fault: (offset: Int, byteCount: Int, what: String)?
      do {
        let file = try disk.open(path)
        let bytes = try file.read(at: 0, count: min(end, file.byteCount))
        if bytes.count < end {
          fault = (bytes.count, end - bytes.count, "slot file is too short")
        } else if SlotLayout.hour(bytes.span, partition: partition) != progress.hour {
          fault = (0, SlotLayout.headerByteCount, "bad slot header")
        } else {
          _ = try SlotScan.entries(bytes.span, hour: progress.hour, cut: cut)
          fault = nil
        }
      } catch let error as RingRegion.SlotFault {
        fault = (error.offset, error.byteCount, error.what)
      } catch {
        fault = (0, end, "\(error)")
      }
      if let fault {
        damages.append(
          Damage(
            severity: .damage, path: path, offset: fault.offset, byteCount: fault.byteCount,
            what: fault.what, range: "windows of hour \(progress.hour)"))
      }
    }
    return damages
  }
}
